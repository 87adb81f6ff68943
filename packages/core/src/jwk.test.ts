import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { ALGORITHMS } from './algorithms.ts'
import { availableAlgorithms } from './available-algorithms.ts'
import { encodeBase64url } from './base64url.ts'
import { outcomeOf, SIGNERS } from './issuer.fixture.ts'
import { isKid, parseJwk } from './jwk.ts'
import type { PublicJwk } from './public-jwk.ts'
import { thumbprint } from './thumbprint.ts'

const RSA = SIGNERS.RS256.jwk as Record<string, unknown>
const EC = SIGNERS.ES256.jwk as Record<string, unknown>
const OKP = SIGNERS.EdDSA.jwk as Record<string, unknown>

const outcome = (jwk: unknown) => outcomeOf(() => parseJwk(jwk))
/** The key with the kid that belongs to what was changed, so that no refusal is owed to the kid. */
const renamed = (jwk: object) => ({ ...jwk, kid: thumbprint(jwk as PublicJwk) })
const bytesOf = (text: unknown) => Buffer.from(text as string, 'base64url')

describe('parseJwk (R12, R42)', () => {
  it.each(availableAlgorithms())('takes a public key for %s and binds it to that algorithm', (name) => {
    const key = parseJwk(SIGNERS[name].jwk)
    expect(key).toMatchObject({ kid: SIGNERS[name].jwk.kid, expiresAt: Number.POSITIVE_INFINITY })
    expect(key.algorithm.name).toBe(name)
    expect(key.signatureBytes).toBe(ALGORITHMS[name].signatureBytes ?? 256)
    const { cryptoKey } = key
    expect(('key' in cryptoKey ? cryptoKey.key : cryptoKey).type).toBe('public')
  })

  it('keeps public members and nothing else', () => {
    const key = parseJwk({ ...OKP, x5u: 'https://evil.example', ext: true, key_ops: ['verify'], note: 'n' })
    expect(key.jwk).toStrictEqual(OKP)
    expect(Object.isFrozen(key) && Object.isFrozen(key.jwk)).toBe(true)
    expect(Object.isFrozen(SIGNERS.PS256.key.cryptoKey)).toBe(true)
  })

  it('reckons the end of a key from its exp', () => {
    for (const exp of [0, 100, 8.64e12]) {
      expect(parseJwk({ ...OKP, exp })).toMatchObject({ expiresAt: exp * 1000, jwk: { exp } })
    }
  })

  it('takes no notice of members of other types', () => {
    expect(parseJwk({ ...RSA, crv: 'P-256', x: 'AAAA' }).jwk).toStrictEqual(RSA)
  })

  it('takes only keys whose thumbprints are pinned, where some are, by whatever kid they go', () => {
    const thumbprints = new Set([OKP.kid as string])
    const options = { allowForeignKids: true, thumbprints }
    expect(parseJwk(OKP, { thumbprints }).kid).toBe(OKP.kid)
    expect(parseJwk({ ...OKP, kid: 'foreign' }, options).kid).toBe('foreign')
    expect(outcomeOf(() => parseJwk(EC, { thumbprints }))).toBe('key_not_pinned')
    expect(outcomeOf(() => parseJwk({ ...EC, kid: OKP.kid }, options))).toBe('key_not_pinned')
  })

  it.each([-1, 1.5, 8.64e12 + 1, '100', null, Number.NaN, Number.POSITIVE_INFINITY])(
    'refuses an exp of %s',
    (exp) => expect(outcome({ ...OKP, exp })).toBe('key_malformed'),
  )

  it.each(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'priv'])(
    'refuses a key with the private member %s',
    (member) => {
      for (const jwk of [RSA, EC, OKP]) {
        expect(outcome({ ...jwk, [member]: 'AQAB' })).toBe('key_private')
        expect(outcome({ ...jwk, [member]: undefined })).toBe('key_private')
      }
    },
  )

  it.each(availableAlgorithms())('refuses the private JWK of a %s key', (name) => {
    const jwk = SIGNERS[name].privateKey.export({ format: 'jwk' })
    expect(outcome({ ...jwk, kid: SIGNERS[name].jwk.kid, alg: name, use: 'sig' })).toBe('key_private')
  })

  it.each([
    ['a shared secret', { kty: 'oct', k: 'c2VjcmV0', alg: 'HS256', kid: 'a' }],
    ['a shared secret without k', { kty: 'oct', alg: 'HS256', kid: 'a' }],
    ['a public key with k', { ...RSA, k: 'c2VjcmV0' }],
  ])('refuses %s', (_, jwk) => expect(outcome(jwk)).toBe('key_symmetric'))

  it.each([
    ['use enc', { use: 'enc' }],
    ['use SIG', { use: 'SIG' }],
    ['use null', { use: null }],
    ['a list as use', { use: ['sig'] }],
    ['no operation', { key_ops: [] }],
    ['other operations', { key_ops: ['encrypt', 'wrapKey'] }],
    ['sign alone', { key_ops: ['sign'] }],
    ['operations as a string', { key_ops: 'verify' }],
    ['a number among operations', { key_ops: ['verify', 1] }],
  ])('refuses a key for %s', (_, change) => {
    expect(outcome({ ...RSA, ...change })).toBe('key_not_for_signatures')
  })

  it.each([
    ['an operation twice', { key_ops: ['verify', 'verify'] }],
    ['ext that is neither true nor false', { ext: 'true' }],
  ])('refuses a key with %s', (_, change) => expect(outcome({ ...RSA, ...change })).toBe('key_malformed'))

  it('takes a key that names no use', () => {
    expect(outcome({ ...RSA, use: undefined })).toBe('accepted')
  })

  it.each([
    undefined,
    null,
    '',
    'none',
    'HS256',
    'rs256',
    'RS256 ',
    'RSA-OAEP',
    'ES256K',
    'RS1',
    '__proto__',
    ['RS256'],
  ])('refuses the alg %j', (alg) => expect(outcome({ ...RSA, alg })).toBe('key_unknown_type'))

  it.each([
    ['an RSA key for ES256', { ...RSA, alg: 'ES256' }],
    ['an RSA key for EdDSA', { ...RSA, alg: 'EdDSA' }],
    ['an EC key for RS256', { ...EC, alg: 'RS256' }],
    ['an EC key for EdDSA', { ...EC, alg: 'EdDSA' }],
    ['an Ed25519 key for ES256', { ...OKP, alg: 'ES256' }],
    ['EC members under kty RSA', { ...EC, kty: 'RSA', alg: 'RS256' }],
    ['a kty in lower case', { ...RSA, kty: 'rsa' }],
    ['no kty', { ...RSA, kty: undefined }],
    ['P-384 for ES256', { ...EC, crv: 'P-384' }],
    ['secp256k1 for ES256', { ...EC, crv: 'secp256k1' }],
    ['no curve', { ...EC, crv: undefined }],
    ['X25519 for EdDSA', { ...OKP, crv: 'X25519' }],
    ['Ed448 for EdDSA', { ...OKP, crv: 'Ed448' }],
  ])('refuses %s', (_, jwk) => expect(outcome(jwk)).toBe('key_malformed'))

  it.each([undefined, null, 1, '', {}, ['a'], 'k'.repeat(257)])('refuses the kid %j', (kid) => {
    expect(outcome({ ...RSA, kid })).toBe('key_malformed')
    expect(isKid(kid)).toBe(false)
  })

  it("refuses a kid that is not the key's thumbprint, unless foreign kids are allowed", () => {
    const foreign = { ...OKP, kid: 'k'.repeat(256) }
    expect(outcome(foreign)).toBe('key_kid_mismatch')
    expect(outcome({ ...OKP, kid: EC.kid })).toBe('key_kid_mismatch')
    expect(parseJwk(foreign, { allowForeignKids: true }).kid).toBe(foreign.kid)
  })

  it.each([undefined, null, 0, '', '[]', [RSA], Symbol.iterator, () => RSA])(
    'refuses what is no object: %s',
    (jwk) => {
      expect(outcome(jwk)).toBe('key_malformed')
    },
  )
})

describe('members of a JWK (R42)', () => {
  const members = [
    ...['n', 'e'].map((member) => [member, RSA] as const),
    ...['x', 'y'].map((member) => [member, EC] as const),
    ['x', OKP] as const,
  ]
  it.each(members)('takes %s in canonical base64url only', (member, jwk) => {
    const text = jwk[member] as string
    const odd = [`${text}=`, ` ${text}`, `${text.slice(0, -1)}/`, '', undefined, 1, [text], 'A'.repeat(1368)]
    for (const spelling of odd) expect(outcome({ ...jwk, [member]: spelling })).toBe('key_malformed')
  })

  it('refuses an RSA key of 1024 bits, with exponent 1, or with leading zeros', () => {
    const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
    const zero = Buffer.alloc(1)
    expect(outcome(renamed({ ...RSA, n: small.n }))).toBe('key_weak')
    expect(outcome(renamed({ ...RSA, e: 'AQ' }))).toBe('key_weak')
    expect(outcome(renamed({ ...RSA, n: encodeBase64url(Buffer.concat([zero, bytesOf(RSA.n)])) }))).toBe(
      'key_weak',
    )
    expect(outcome(renamed({ ...RSA, e: 'AAEAAQ' }))).toBe('key_weak')
  })

  it('refuses an Ed25519 key of small order, or beside the curve', () => {
    expect(outcome(renamed({ ...OKP, x: encodeBase64url(Buffer.alloc(32)) }))).toBe('key_weak')
    expect(outcome(renamed({ ...OKP, x: encodeBase64url(Buffer.alloc(32).fill(2, 0, 1)) }))).toBe('key_weak')
  })

  it('refuses a point that is not on P-256', () => {
    const refused = { name: 'JwkRefused', code: 'key_malformed', cause: expect.any(Error) }
    for (const y of [EC.x, encodeBase64url(Buffer.alloc(32))]) {
      expect(outcome(renamed({ ...EC, y }))).toBe('key_malformed')
      expect(() => parseJwk(renamed({ ...EC, y }))).toThrow(expect.objectContaining(refused))
    }
  })

  // (5, y) lies on P-256
  const SMALL_X = encodeBase64url(Buffer.from('05'.padStart(64, '0'), 'hex'))
  const ITS_Y = encodeBase64url(
    Buffer.from('459243b9aa581806fe913bce99817ade11ca503c64d9a3c533415c083248fbcc', 'hex'),
  )
  const point = { kty: 'EC', crv: 'P-256', alg: 'ES256', x: SMALL_X, y: ITS_Y }
  const P256 = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n

  it('takes coordinates of their full length only (RFC 7518, section 6.2.1.2)', () => {
    expect(outcome(renamed(point))).toBe('accepted')
    expect(outcome(renamed({ ...point, x: 'BQ' }))).toBe('key_malformed')
    const longer = encodeBase64url(Buffer.concat([Buffer.alloc(1), bytesOf(point.y)]))
    expect(outcome(renamed({ ...point, y: longer }))).toBe('key_malformed')
  })

  it('refuses a coordinate that is not reduced', () => {
    const unreduced = encodeBase64url(Buffer.from((P256 + 5n).toString(16), 'hex'))
    expect(outcome(renamed({ ...point, x: unreduced }))).toBe('key_malformed')
  })
})
