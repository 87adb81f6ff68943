import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto'
import { ALGORITHMS, type AlgorithmName, availableAlgorithms, thumbprint } from '@keyturn/core'
import { codeOf } from '@keyturn/testing'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { type KeyDocumentOptions, MAX_KEY_DOCUMENT_BYTES, readKeyPair } from './key-document.ts'
import { openManager } from './open-manager.fixture.ts'

const claims = { iss: 'https://auth.test', aud: 'orders', sub: 'u1', jti: 'j1', client_id: 'c1' }
const expectations = { issuer: claims.iss, audience: claims.aud }
const read = (text: string, options?: KeyDocumentOptions) => readKeyPair(Buffer.from(text), options)
const make = (type: string, options: object = {}) =>
  generateKeyPairSync(type as 'ec', options as never).privateKey as unknown as KeyObject
const keyOf = (alg: AlgorithmName) => {
  const { type, options } = ALGORITHMS[alg].generation
  return make(type, { ...options, modulusLength: 2048 })
}
const pemOf = (key: KeyObject, type: 'pkcs8' | 'pkcs1' | 'sec1' = 'pkcs8') =>
  key.export({ type: type as 'pkcs8', format: 'pem' }) as string
const jwkOf = (key: KeyObject): JsonWebKey => key.export({ format: 'jwk' })
const rsa = make('rsa', { modulusLength: 2048 })
const p256 = make('ec', { namedCurve: 'P-256' })
const ed25519 = make('ed25519')

/** The forms in which a key of an algorithm may come. */
function formsOf(alg: AlgorithmName): readonly (readonly [string, string])[] {
  const key = keyOf(alg)
  const { kty } = ALGORITHMS[alg]
  const own = kty === 'RSA' ? (['pkcs1'] as const) : kty === 'EC' ? (['sec1'] as const) : []
  return [
    ...(['pkcs8', ...own] as const).map((type) => [`${type} PEM`, pemOf(key, type)] as const),
    ['JWK', JSON.stringify({ ...jwkOf(key), alg })],
  ]
}

describe('a private key from elsewhere (R2, R12, R13)', () => {
  it.each(availableAlgorithms())('signs %s from every form in which it may come', async (alg) => {
    for (const [form, text] of formsOf(alg)) {
      const pair = await read(text, { algorithm: alg })
      expect([form, pair.alg, pair.kid]).toEqual([form, alg, thumbprint(pair.publicJwk)])
      const { keys, clock, advance } = await openManager()
      const { activateAt } = await keys.importKey(pair)
      await advance(activateAt - clock.now())
      const token = await keys.sign(claims, { ttlSeconds: 60, typ: 'at+jwt' })
      expect(keys.verify(token, expectations).header).toMatchObject({ alg, kid: pair.kid })
      const set = createLocalJWKSet(keys.publicJwks() as never)
      const currentDate = new Date(clock.now())
      const { payload } = await jwtVerify(token, set, { ...expectations, currentDate })
      expect(payload.sub).toBe('u1')
    }
  })

  it('is found among what else a PEM file holds', async () => {
    const certificate = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'
    const parameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n'
    const text = `\ufeffsome talk\r\n${parameters}${pemOf(p256, 'sec1')}${certificate}`.replace(
      /\r?\n/g,
      '\r\n',
    )
    expect((await read(text)).alg).toBe('ES256')
  })

  it('is named by its thumbprint, whatever a JWK calls itself', async () => {
    const { kid } = await read(
      JSON.stringify({ ...jwkOf(p256), kid: 'theirs', use: 'sig', key_ops: ['sign'] }),
    )
    expect(kid).toBe(thumbprint(jwkOf(p256) as never))
  })
})

describe('the algorithm of an imported key (R2)', () => {
  it.each([
    ['what was asked for', 'PS384', { algorithm: 'PS384', preferred: 'RS256' }],
    ['that of the policy where it fits', 'PS512', { preferred: 'PS512' }],
    ['the first of several that fits', 'PS256', { preferred: ['EdDSA', 'PS256', 'RS256'] }],
  ] as const)('is %s', async (_, alg, options) => {
    expect((await read(pemOf(rsa), options)).alg).toBe(alg)
  })

  it('is what a JWK says of itself', async () => {
    const jwk = JSON.stringify({ ...jwkOf(rsa), alg: 'PS256' })
    expect((await read(jwk, { preferred: 'RS256' })).alg).toBe('PS256')
    expect((await read(jwk, { algorithm: 'PS256' })).alg).toBe('PS256')
    expect(await codeOf(read(jwk, { algorithm: 'RS256' }))).toBe('algorithm_mismatch')
  })

  it('is the only one that fits', async () => {
    expect((await read(pemOf(p256), { preferred: 'RS256' })).alg).toBe('ES256')
  })

  it('is asked for where several fit', async () => {
    await expect(read(pemOf(ed25519), { preferred: 'RS256' })).rejects.toMatchObject({
      code: 'algorithm_ambiguous',
      remedy: 'say which, as its algorithm: EdDSA, Ed25519',
    })
    expect(await codeOf(read(pemOf(rsa)))).toBe('algorithm_ambiguous')
  })

  it('is one that the key can have', async () => {
    await expect(read(pemOf(p256), { algorithm: 'ES384' })).rejects.toMatchObject({
      code: 'algorithm_mismatch',
      remedy: 'it can have: ES256',
    })
    expect(await codeOf(read(JSON.stringify({ ...jwkOf(p256), alg: 'RS256' })))).toBe('algorithm_mismatch')
  })
})

describe('a key document that is refused (R13, R42, R75)', () => {
  const jwk = (change: object, key = p256) => JSON.stringify({ ...jwkOf(key), ...change })
  const publicPem = createPublicKey(p256).export({ type: 'spki', format: 'pem' }) as string
  const other = jwkOf(make('ec', { namedCurve: 'P-256' }))
  const otherEd = jwkOf(make('ed25519'))
  const otherRsa = jwkOf(make('rsa', { modulusLength: 2048 }))
  const pkcs8 = (passphrase: string) =>
    p256.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }) as string
  const legacy = rsa.export({
    type: 'pkcs1',
    format: 'pem',
    cipher: 'aes-128-cbc',
    passphrase: 'x',
  }) as string

  it.each([
    ['nothing', '', 'key_malformed'],
    ['talk', 'hello', 'key_malformed'],
    ['a document without end', ' '.repeat(MAX_KEY_DOCUMENT_BYTES + 1), 'key_malformed'],
    ['two keys', pemOf(p256) + pemOf(rsa), 'key_malformed'],
    ['half a key', pemOf(p256).slice(0, 120), 'key_malformed'],
    ['a key with a hole', pemOf(p256).replace(/.{8}\n-----END/, '\n-----END'), 'key_malformed'],
    ['an encrypted key', pkcs8('x'), 'key_encrypted'],
    ['a key that is encrypted the old way', legacy, 'key_encrypted'],
    ['a public key in PEM', publicPem, 'key_not_private'],
    ['a certificate', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----', 'key_not_private'],
    [
      'a key of OpenSSH',
      '-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----',
      'key_unknown_type',
    ],
    ['an RSA-PSS key', pemOf(make('rsa-pss', { modulusLength: 2048 })), 'key_unknown_type'],
    ['a curve of no algorithm', pemOf(make('ec', { namedCurve: 'secp256k1' })), 'key_unknown_type'],
    ['a curve without a JWK', pemOf(make('ec', { namedCurve: 'brainpoolP256r1' })), 'key_unknown_type'],
    ['a key for agreement', pemOf(make('x25519')), 'key_unknown_type'],
    ['an RSA key of 1024 bits', pemOf(make('rsa', { modulusLength: 1024 })), 'key_weak'],
    ['JSON that is cut', jwk({}).slice(0, -1), 'key_malformed'],
    ['a member twice', jwk({}).replace('{', '{"d":"AAAA",'), 'key_malformed'],
    ['a set', JSON.stringify({ keys: [jwkOf(p256)] }), 'key_malformed'],
    ['a public JWK', JSON.stringify(createPublicKey(p256).export({ format: 'jwk' })), 'key_not_private'],
    ['a shared secret', '{"kty":"oct","k":"AAAA"}', 'key_symmetric'],
    ['a JWK of no type', jwk({ kty: undefined }), 'key_malformed'],
    ['a JWK for encryption', jwk({ use: 'enc' }), 'key_not_for_signatures'],
    ['a JWK that only verifies', jwk({ key_ops: ['verify'] }), 'key_not_for_signatures'],
    ['an alg that nobody knows', jwk({ alg: 'ES256K' }), 'key_unknown_type'],
    ['the alg none', jwk({ alg: 'none' }), 'key_unknown_type'],
    ['a number for a member', jwk({ d: 5 }), 'key_malformed'],
    ['padding', jwk({ x: `${jwkOf(p256).x}=` }), 'key_malformed'],
    ['a curve that is another', jwk({ crv: 'P-384' }), 'key_malformed'],
    ['the point of another key', jwk({ x: other.x, y: other.y }), 'key_malformed|key_self_test_failed'],
    ['the Ed25519 public half of another', jwk({ x: otherEd.x }, ed25519), 'key_malformed'],
    ['the modulus of another', jwk({ n: otherRsa.n }, rsa), 'key_self_test_failed'],
    ['RSA without its primes', jwk({ p: undefined, q: undefined }, rsa), 'key_malformed'],
    ['RSA of three primes', jwk({ oth: [] }, rsa), 'key_unknown_type'],
  ])('is %s, and nothing of it is in the error', async (_, text, codes) => {
    const error = await read(text, { preferred: 'RS256' }).then(
      () => expect.fail('it was taken'),
      (it) => it,
    )
    expect(codes.split('|')).toContain(error.code)
    expect(error.cause).toBeUndefined()
    const said = `${error.message} ${error.remedy} ${error.stack}`
    const parts = text.match(/[\w+/-]{16,}/g) ?? []
    for (const part of parts) expect(said).not.toContain(part)
  })

  it('has an exponent of 1, or a modulus with the ROCA fingerprint', async () => {
    const { n, ...rest } = jwkOf(rsa)
    const weak = JSON.stringify({ ...rest, n, e: 'AQ' })
    expect(['key_weak', 'key_malformed']).toContain(await codeOf(read(weak, { preferred: 'RS256' })))
    // 2048 bits that are a power of 65537 modulo each of the primes: 1 is, and so the modulus is 1 modulo their product
    const product = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157].reduce(
      (all, prime) => all * BigInt(prime),
      2n,
    )
    const modulus = (2n ** 2047n / product + 1n) * product + 1n
    const roca = Buffer.from(modulus.toString(16), 'hex').toString('base64url')
    const error = codeOf(read(JSON.stringify({ ...rest, n: roca }), { preferred: 'RS256' }))
    expect(await error).toBe('key_weak')
  })

  it.skipIf(availableAlgorithms().includes('ML-DSA-44'))(
    'is of an algorithm that this runtime lacks',
    async () => {
      const text = JSON.stringify({ kty: 'AKP', alg: 'ML-DSA-44', pub: 'AAAA', priv: 'AAAA' })
      expect(await codeOf(read(text))).toBe('algorithm_unavailable')
      expect(await codeOf(read(pemOf(rsa), { algorithm: 'ML-DSA-44' }))).toBe('algorithm_unavailable')
    },
  )
})

it('reads what it has written: a key survives its own PEM (R13)', async () => {
  const pair = await read(pemOf(p256))
  expect((await read(pemOf(createPrivateKey(pemOf(pair.privateKey))))).kid).toBe(pair.kid)
})
