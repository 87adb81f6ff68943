import {
  constants,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign as signBytes,
} from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { ALGORITHMS, type AlgorithmName } from './algorithms.ts'
import { availableAlgorithms } from './available-algorithms.ts'
import { cryptoKeyInput } from './crypto-key-input.ts'
import { generatePrivateKey, SIGNERS, signatureOf, signerOf } from './issuer.fixture.ts'
import { verifySignature } from './jws.ts'

const BYTES = Buffer.from('signed')
const ZERO = Buffer.alloc(1)
/** Two primes of 2048 bits are found soon as a rule, and late now and then. */
const PATIENCE_MS = 60_000
const big = (part: Uint8Array) => BigInt(`0x${Buffer.from(part).toString('hex')}`)
const bytesOf = (value: bigint, length: number) =>
  Buffer.from(value.toString(16).padStart(2 * length, '0'), 'hex')
const ofType = (kty: string) => availableAlgorithms().filter((name) => ALGORITHMS[name].kty === kty)
const good = (name: AlgorithmName) => signatureOf(SIGNERS[name].privateKey, name, BYTES)
const holds = (name: AlgorithmName, signature: Uint8Array) =>
  verifySignature(SIGNERS[name].key, BYTES, signature)

describe('a signature (R2, R42, R63)', () => {
  it.each(availableAlgorithms())('of %s holds, and only over its bytes and at its length', (name) => {
    const signature = good(name)
    expect(holds(name, signature)).toBe(true)
    expect(verifySignature(SIGNERS[name].key, Buffer.from('signeD'), signature)).toBe(false)
    const others = [
      signature.subarray(1),
      signature.subarray(0, -1),
      Buffer.concat([signature, ZERO]),
      Buffer.concat([ZERO, signature]),
      Buffer.concat([signature, signature]),
      Buffer.alloc(0),
      Buffer.alloc(signature.length),
      Buffer.alloc(signature.length, 0xff),
    ]
    expect(others.map((other) => holds(name, other))).toEqual(others.map(() => false))
  })

  it('is as long as its key makes it, which is known before any arithmetic', () => {
    const { key } = SIGNERS.EdDSA
    expect(verifySignature({ ...key, signatureBytes: 65 }, BYTES, good('EdDSA'))).toBe(false)
  })

  it('that breaks the library below is refused', () => {
    const broken = { ...SIGNERS.EdDSA.key, algorithm: { ...ALGORITHMS.EdDSA, digest: 'sha256' } }
    expect(verifySignature(broken, BYTES, good('EdDSA'))).toBe(false)
  })
})

describe('ECDSA signatures (R2, R42, R63)', () => {
  const ORDERS: Partial<Record<AlgorithmName, string>> = {
    ES256: 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
    ES384: `${'f'.repeat(48)}c7634d81f4372ddf581a0db248b0a77aecec196accc52973`,
    ES512: `1${'f'.repeat(65)}a51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409`,
  }

  it.each(ofType('EC'))('of %s are refused with r or s of zero, of the order or beyond', (name) => {
    const order = BigInt(`0x${ORDERS[name]}`)
    const length = SIGNERS[name].key.signatureBytes / 2
    const signature = good(name)
    const [r, s] = [big(signature.subarray(0, length)), big(signature.subarray(length))]
    const top = 2n ** BigInt(8 * length) - 1n
    const verify = (pair: readonly [bigint, bigint]) =>
      holds(name, Buffer.concat(pair.map((it) => bytesOf(it, length))))
    expect(verify([r, s])).toBe(true)
    const odd = [0n, order, order + 1n, top].flatMap(
      (it) =>
        [
          [it, s],
          [r, it],
          [it, it],
        ] as const,
    )
    const again = (
      [
        [r + order, s],
        [r, s + order],
      ] as const
    ).filter((pair) => pair.every((it) => it <= top))
    expect([...odd, ...again].filter(verify)).toEqual([])
  })

  it.each(ofType('EC'))('of %s are refused in DER', (name) => {
    const { privateKey } = SIGNERS[name]
    const { digest } = ALGORITHMS[name]
    for (let i = 0; i < 20; i++) expect(holds(name, signBytes(digest, BYTES, privateKey))).toBe(false)
    const signature = good(name)
    const integer = (part: Buffer) => Buffer.concat([Buffer.from([2, part.length + 1, 0]), part])
    const half = signature.length / 2
    const body = Buffer.concat([integer(signature.subarray(0, half)), integer(signature.subarray(half))])
    expect(holds(name, Buffer.concat([Buffer.from([0x30, body.length]), body]))).toBe(false)
  })

  it.each(ofType('EC'))('of %s are refused over another digest', (name) => {
    const { privateKey } = SIGNERS[name]
    const others = ['sha1', 'sha256', 'sha384', 'sha512', 'sha3-512'].filter(
      (digest) => digest !== ALGORITHMS[name].digest,
    )
    const sign = (digest: string) => signBytes(digest, BYTES, { key: privateKey, dsaEncoding: 'ieee-p1363' })
    expect(others.filter((digest) => holds(name, sign(digest)))).toEqual([])
  })
})

describe('Ed25519 signatures (R2, R42, R63)', () => {
  const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n

  it.each(ofType('OKP'))(
    'of %s are refused with an S that is not reduced (RFC 8032, section 5.1.7)',
    (name) => {
      const signature = good(name)
      const s = big(Buffer.from(signature.subarray(32)).reverse())
      const withS = (value: bigint) =>
        Buffer.concat([signature.subarray(0, 32), bytesOf(value, 32).reverse()])
      expect(holds(name, withS(s))).toBe(true)
      expect([1n, 2n, 15n].filter((times) => holds(name, withS(s + times * ORDER)))).toEqual([])
    },
  )

  it.each(ofType('OKP'))('of %s are refused with an R of small order, or one that is not reduced', (name) => {
    const rest = good(name).subarray(32)
    const points = ['01', '00', `ec${'ff'.repeat(30)}7f`, `ee${'ff'.repeat(30)}7f`, 'ff'.repeat(32)]
    const forged = points.flatMap((hex) =>
      [rest, Buffer.alloc(32)].map((s) => Buffer.concat([Buffer.from(hex.padEnd(64, '0'), 'hex'), s])),
    )
    expect(forged.filter((signature) => holds(name, signature))).toEqual([])
  })
})

describe('RSA signatures (R2, R42, R63)', () => {
  const { RSA_PKCS1_PADDING, RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_MAX_SIGN } = constants
  const SALTS = [0, 1, 20, 31, 32, 33, 47, 48, 49, 63, 64, 65, RSA_PSS_SALTLEN_MAX_SIGN]
  const DIGESTS = ['sha1', 'sha256', 'sha384', 'sha512'] as const

  /** Every way to sign with an RSA key, by its name: digest and salt length, `null` for PKCS #1 v1.5. */
  const ways = DIGESTS.flatMap((digest) => [null, ...SALTS].map((salt) => ({ digest, salt })))
  const signBy = (key: KeyObject, { digest, salt }: (typeof ways)[number]) =>
    signBytes(
      digest,
      BYTES,
      salt === null
        ? { key, padding: RSA_PKCS1_PADDING }
        : { key, padding: RSA_PKCS1_PSS_PADDING, saltLength: salt },
    )

  /** The same numbers as a plain RSA key, as from a JWK; they are the end of the structure. */
  const withoutRestriction = (rsaPss: KeyObject) =>
    createPublicKey({
      key: rsaPss.export({ type: 'spki', format: 'der' }).subarray(-270),
      format: 'der',
      type: 'pkcs1',
    })

  it.each(ofType('RSA'))('of %s have one digest, one padding, and a salt as long as the digest', (name) => {
    const digest = `sha${name.slice(2)}`
    const salt = name.startsWith('PS') ? Number(name.slice(2)) / 8 : null
    const taken = ways.filter((way) => holds(name, signBy(SIGNERS[name].privateKey, way)))
    expect(taken).toEqual([{ digest, salt }])
  })

  it.each(['PS256', 'PS384', 'PS512'] as const)('of %s have a mask of the same digest', (name) => {
    const hashAlgorithm = `sha${name.slice(2)}`
    const { key } = SIGNERS[name]
    const taken = DIGESTS.filter((mgf1HashAlgorithm) => {
      const restriction = { hashAlgorithm, mgf1HashAlgorithm, saltLength: Number(name.slice(2)) / 8 }
      const pair = generateKeyPairSync('rsa-pss' as 'rsa', { modulusLength: 2048, ...restriction })
      const signature = signBytes(hashAlgorithm, BYTES, pair.privateKey)
      const cryptoKey = cryptoKeyInput(withoutRestriction(pair.publicKey), key.algorithm)
      return verifySignature({ ...key, cryptoKey }, BYTES, signature)
    })
    expect(taken).toEqual([hashAlgorithm])
  })

  it.each(ofType('RSA'))('of %s are refused beyond the modulus', (name) => {
    const modulus = big(Buffer.from((SIGNERS[name].jwk as { n: string }).n, 'base64url'))
    const values = [modulus, modulus + 1n, 0n, 1n, 2n, modulus - 1n, 2n ** 2048n - 1n]
    expect(values.filter((value) => holds(name, bytesOf(value, 256)))).toEqual([])
    expect(holds(name, bytesOf(big(good(name)) + modulus, 257))).toBe(false)
  })

  it.each([2052, 2054])('are as long as a modulus of %d bits, which is no multiple of eight', (bits) => {
    const privateKey = generatePrivateKey('RS256', bits)
    for (const name of ['RS256', 'PS256', 'PS512'] as const) {
      const { key } = signerOf(privateKey, name)
      expect(key.signatureBytes).toBe(257)
      expect(verifySignature(key, BYTES, signatureOf(privateKey, name, BYTES))).toBe(true)
    }
  })

  it.each([3072, 4096])(
    'hold with a modulus of %d bits',
    (bits) => {
      const privateKey = generatePrivateKey('RS256', bits)
      for (const name of ofType('RSA')) {
        const { key } = signerOf(privateKey, name)
        expect(key.signatureBytes).toBe(bits / 8)
        expect(verifySignature(key, BYTES, signatureOf(privateKey, name, BYTES))).toBe(true)
      }
    },
    PATIENCE_MS,
  )
})

describe.skipIf(ofType('AKP').length === 0)('ML-DSA signatures (R2, R42, R63)', () => {
  it.each(ofType('AKP'))('of %s have no context (RFC 9964, section 4)', (name) => {
    const signWith = (context: string) =>
      signBytes(null, BYTES, { key: SIGNERS[name].privateKey, context: Buffer.from(context) } as never)
    expect(holds(name, signWith(''))).toBe(true)
    expect(holds(name, signWith('jws'))).toBe(false)
  })

  it.each(ofType('AKP'))('of %s are refused with an edited hint (FIPS 204, algorithm 21)', (name) => {
    const signature = good(name)
    const edited = [1, 2, 3, 4, 20].map((fromEnd) => {
      const copy = Buffer.from(signature)
      const at = copy.length - fromEnd
      copy[at] = ((copy[at] ?? 0) + 1) % 256
      return copy
    })
    expect(edited.filter((it) => holds(name, it))).toEqual([])
  })
})
