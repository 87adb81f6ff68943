import {
  ALGORITHMS,
  type AlgorithmName,
  availableAlgorithms,
  parseJwk,
  signCompact,
  thumbprint,
  verifySignature,
} from '@keyturn/core'
import { compactVerify, importJWK } from 'jose'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  assertHalvesMatch,
  type GenerateKeyPair,
  generateSigningPair,
  localSigningKey,
  proven,
  publishedJwk,
} from './key-pair.ts'
import { KeyManager } from './manager.ts'
import { MemoryKeyStore } from './stores/memory-key-store.ts'
import { DEFAULT_POLICY } from './timing.ts'

const BYTES = Buffer.from('signed')
/** Two primes of 2048 bits are found soon as a rule, and late now and then. */
const PATIENCE_MS = 60_000
const make = (algorithm: AlgorithmName, rsaBits: 2048 | 3072 | 4096 = 2048) =>
  generateSigningPair({ algorithm, rsaBits })
const codeOf = (action: Promise<unknown>) =>
  action.then(
    () => 'none',
    (error) => error.code,
  )

/** This module where something below behaves otherwise. */
async function withCrypto(change: (crypto: typeof import('node:crypto')) => object) {
  vi.resetModules()
  vi.doMock('node:crypto', async (original) => {
    const crypto = await original<typeof import('node:crypto')>()
    return { ...crypto, ...change(crypto) }
  })
  return await import('./key-pair.ts')
}
afterEach(() => {
  vi.doUnmock('node:crypto')
  vi.resetModules()
})

describe('a key pair (R2, R10, R12)', () => {
  it.each(availableAlgorithms())(
    'of %s signs what its public half verifies, as does jose',
    async (algorithm) => {
      const pair = await make(algorithm)
      const key = parseJwk(publishedJwk(pair))
      expect(pair).toMatchObject({ alg: algorithm, kid: thumbprint(pair.publicJwk) })
      expect(pair.publicJwk.kty).toBe(ALGORITHMS[algorithm].kty)
      const signature = await localSigningKey(pair).sign(BYTES)
      expect(verifySignature(key, BYTES, signature)).toBe(true)
      const jws = await signCompact(localSigningKey(pair), { typ: 'at+jwt' }, { sub: 'u1' })
      const verified = await compactVerify(jws, await importJWK(publishedJwk(pair)))
      expect(verified.protectedHeader).toMatchObject({ alg: algorithm, kid: pair.kid })
    },
  )

  it.each([2048, 3072, 4096] as const)(
    'of RSA has a modulus of the %d bits that are wanted',
    async (bits) => {
      for (const algorithm of ['RS256', 'PS384'] as const) {
        const { publicJwk, privateKey } = await make(algorithm, bits)
        expect(parseJwk({ ...publicJwk, kid: thumbprint(publicJwk), alg: algorithm }).signatureBytes).toBe(
          bits / 8,
        )
        expect(privateKey.asymmetricKeyDetails).toMatchObject({ modulusLength: bits, publicExponent: 65537n })
      }
    },
    PATIENCE_MS,
  )

  it.each(availableAlgorithms())('of %s is made and tried beside the event loop', async (algorithm) => {
    const blocking = () => expect.fail('asked for an answer at once')
    const { generateSigningPair: generate } = await withCrypto(({ sign }) => ({
      generateKeyPairSync: blocking,
      sign: (...args: Parameters<typeof sign>) =>
        args.length < 4 && !ALGORITHMS[algorithm].isQuickToSign ? blocking() : sign(...args),
    }))
    expect((await generate({ algorithm, rsaBits: 2048 })).alg).toBe(algorithm)
  })

  it.each(availableAlgorithms())(
    'of %s that does not verify its own signature is thrown away',
    async (alg) => {
      const broken = await withCrypto(({ sign }) => ({
        sign: (digest: string, _: Buffer, ...rest: [never, never]) =>
          sign(digest, Buffer.from('other bytes'), ...rest),
      }))
      expect(await codeOf(broken.generateSigningPair({ algorithm: alg, rsaBits: 2048 }))).toBe(
        'key_self_test_failed',
      )
    },
  )

  it('is proven once, and again where it may have changed since', async () => {
    const pair = { ...(await make('EdDSA')) }
    await assertHalvesMatch(pair)
    pair.privateKey = (await make('EdDSA')).privateKey
    expect(await codeOf(assertHalvesMatch(pair))).toBe('key_self_test_failed')
  })

  it.each(['ES256', 'ES384', 'ES512'] as const)('of %s signs nothing that is no signature', async (alg) => {
    const { localSigningKey: brokenKey } = await withCrypto(() => ({
      sign: (...args: unknown[]) => {
        const garbage = Buffer.from('garbage')
        const done = args[3] as ((error: null, signature: Buffer) => void) | undefined
        return done === undefined ? garbage : done(null, garbage)
      },
    }))
    expect(await codeOf(brokenKey(await make(alg)).sign(BYTES))).toBe('signature_malformed')
  })

  it.each(['ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'] as const)(
    'of %s is refused by name where the runtime lacks it',
    async (algorithm) => {
      const old = await withCrypto(() => ({
        createPublicKey() {
          throw new TypeError('no such kty')
        },
      }))
      expect(await codeOf(old.generateSigningPair({ algorithm, rsaBits: 2048 }))).toBe(
        'algorithm_unavailable',
      )
    },
  )
})

describe('a key pair of a generator that was given (R2, R12)', () => {
  const wanted = { algorithm: 'EdDSA', rsaBits: 2048 } as const
  const openWith = (generate: GenerateKeyPair) =>
    codeOf(
      KeyManager.open({ store: new MemoryKeyStore(), policy: { ...DEFAULT_POLICY, ...wanted }, generate }),
    )

  it('comes into no ring where its halves are of two keys', async () => {
    const other = await make('EdDSA')
    const mixed = async () => ({ ...(await make('EdDSA')), privateKey: other.privateKey })
    expect(await openWith(mixed)).toBe('key_self_test_failed')
  })

  it('comes into no ring under another algorithm than the one that is wanted', async () => {
    expect(await openWith(() => make('ES256'))).toBe('algorithm_mismatch')
  })

  it('is taken as it is where it is whole', async () => {
    const pair = await make('EdDSA')
    expect(await proven(async () => pair)(wanted)).toBe(pair)
  })
})
