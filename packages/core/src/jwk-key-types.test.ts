import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { ALGORITHMS, type AlgorithmName } from './algorithms.ts'
import { availableAlgorithms, isAlgorithmAvailable } from './available-algorithms.ts'
import { encodeBase64url } from './base64url.ts'
import { generatePrivateKey, outcomeOf, SIGNERS, signerOf } from './issuer.fixture.ts'
import { parseJwk } from './jwk.ts'
import { parseJwkSet } from './jwk-set.ts'
import { KEY_TYPES, type PublicJwk } from './public-jwk.ts'
import { thumbprint } from './thumbprint.ts'

type Members = Readonly<Record<string, string>>
const outcome = (jwk: unknown) => outcomeOf(() => parseJwk(jwk))
/** The key with the kid that belongs to what was changed, so that no refusal is owed to the kid. */
const renamed = (jwk: object) => ({ ...jwk, kid: thumbprint(jwk as PublicJwk) })
const membersOf = (name: AlgorithmName) => SIGNERS[name].jwk as unknown as Members
const bytesOf = (text = '') => Buffer.from(text, 'base64url')
const ZERO = Buffer.alloc(1)

const ofFixedLength = availableAlgorithms().filter((name) => ALGORITHMS[name].publicKeyBytes !== undefined)
const fixedMembers = ofFixedLength.flatMap((name) =>
  KEY_TYPES[ALGORITHMS[name].kty].bytes.map((member) => [name, member] as const),
)

describe('a public key of every type (R2, R12, R42)', () => {
  it.each(fixedMembers)('for %s has a %s of its full length and no other', (name, member) => {
    const jwk = membersOf(name)
    const bytes = bytesOf(jwk[member])
    const odd = [
      bytes.subarray(1),
      bytes.subarray(0, -1),
      Buffer.concat([ZERO, bytes]),
      Buffer.concat([bytes, ZERO]),
      ZERO,
      Buffer.alloc(6000),
    ]
    for (const other of odd) {
      expect(outcome(renamed({ ...jwk, [member]: encodeBase64url(other) }))).toBe('key_malformed')
    }
    expect(outcome({ ...jwk, [member]: '' })).toBe('key_malformed')
  })

  it.each(availableAlgorithms())('for %s is a key for no other type or curve', (name) => {
    const { kty, crv } = ALGORITHMS[name]
    for (const alg of availableAlgorithms()) {
      const other = ALGORITHMS[alg]
      const fits = other.kty === kty && other.crv === crv && (kty !== 'AKP' || alg === name)
      expect(outcome(renamed({ ...membersOf(name), alg }))).toBe(fits ? 'accepted' : 'key_malformed')
    }
  })

  it.each(['P-256', 'P-384', 'P-521', 'secp256k1', 'p-256', 'NIST P-256', 'Ed25519', '', undefined])(
    'names its own curve: %s is refused elsewhere',
    (crv) => {
      for (const name of ['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'] as const) {
        const expected = crv === ALGORITHMS[name].crv ? 'accepted' : 'key_malformed'
        expect(outcome(renamed({ ...membersOf(name), crv }))).toBe(expected)
      }
    },
  )

  it.each([
    ['ES256', 'secp256k1', generateKeyPairSync('ec', { namedCurve: 'secp256k1' })],
    ['EdDSA', 'X25519', generateKeyPairSync('x25519')],
    ['Ed25519', 'X25519', generateKeyPairSync('x25519')],
  ])('for %s is no sound key of %s, which has the same length', (alg, crv, { publicKey }) => {
    const jwk = publicKey.export({ format: 'jwk' })
    expect(jwk.crv).toBe(crv)
    expect(outcome(renamed({ ...jwk, alg }))).toBe('key_malformed')
  })

  it.each(['ES256', 'ES384', 'ES512'] as const)('for %s is a point of the curve', (name) => {
    const jwk = membersOf(name)
    const { length } = bytesOf(jwk.y)
    const zero = encodeBase64url(Buffer.alloc(length))
    const full = encodeBase64url(Buffer.alloc(length, 0xff))
    const odd = [
      { y: jwk.x },
      { x: jwk.y },
      { x: zero, y: zero },
      { y: zero },
      { x: full },
      { x: full, y: full },
    ]
    for (const change of odd) expect(outcome(renamed({ ...jwk, ...change }))).toBe('key_malformed')
  })

  it.each(['RS256', 'RS512', 'PS256', 'PS512'] as const)('for %s is no weak RSA key', (name) => {
    const jwk = membersOf(name)
    const bits2047 = encodeBase64url(Buffer.alloc(256, 0xff).fill(0x7f, 0, 1))
    for (const change of [{ n: bits2047 }, { e: 'AQ' }, { e: 'Ag' }, { e: 'AQAA' }, { e: 'AAEAAQ' }]) {
      expect(outcome(renamed({ ...jwk, ...change }))).toBe('key_weak')
    }
  })

  it.each(['EdDSA', 'Ed25519'] as const)('for %s is no point of small order', (name) => {
    for (const hex of ['01', '00', `ec${'ff'.repeat(30)}7f`, `ed${'ff'.repeat(30)}7f`]) {
      const x = encodeBase64url(Buffer.from(hex.padEnd(64, '0'), 'hex'))
      expect(outcome(renamed({ ...membersOf(name), x }))).toBe('key_weak')
    }
  })
})

describe('one key, one algorithm (R2)', () => {
  const twice = (one: AlgorithmName, other: AlgorithmName) => {
    const privateKey = generatePrivateKey(one)
    const keys = [signerOf(privateKey, one).jwk, signerOf(privateKey, other).jwk, SIGNERS.ES256.jwk]
    return parseJwkSet(Buffer.from(JSON.stringify({ keys })))
  }

  it.each([
    ['EdDSA', 'Ed25519'],
    ['RS256', 'PS256'],
    ['RS256', 'RS512'],
  ] as const)('refuses a key that a set lists for %s and for %s', (one, other) => {
    const { keys, skipped } = twice(one, other)
    expect([...keys.keys()]).toEqual([SIGNERS.ES256.jwk.kid])
    expect(skipped.map(({ code }) => code)).toEqual(['key_duplicate_kid', 'key_duplicate_kid'])
  })
})

describe.skipIf(!isAlgorithmAvailable('ML-DSA-44'))('ML-DSA keys (R2, R12, RFC 9964)', () => {
  const jwk = isAlgorithmAvailable('ML-DSA-44') ? membersOf('ML-DSA-44') : {}

  it('are named over alg, kty and pub', () => {
    expect(Object.keys(jwk).sort()).toEqual(['alg', 'kid', 'kty', 'pub', 'use'])
    expect(outcome({ ...jwk, kid: SIGNERS['ML-DSA-65'].jwk.kid })).toBe('key_kid_mismatch')
  })

  it.each([
    ['with their seed', { priv: encodeBase64url(Buffer.alloc(32)) }, 'key_private'],
    ['under another type', { kty: 'OKP' }, 'key_malformed'],
    ['under the type of the first drafts', { kty: 'ML-DSA' }, 'key_malformed'],
    ['with the member of another type', { pub: undefined, x: jwk.pub }, 'key_malformed'],
    ['without alg', { alg: undefined }, 'key_unknown_type'],
    ['with an unknown alg of their type', { alg: 'SLH-DSA-SHA2-128s' }, 'key_unknown_type'],
  ])('are refused %s', (_, change, code) => expect(outcome({ ...jwk, ...change })).toBe(code))
})
