import { describe, expect, it } from 'vitest'
import { outcomeOf, SIGNERS, STRANGER } from './issuer.fixture.ts'
import { JWK_SET_LIMITS, parseJwkSet } from './jwk-set.ts'

const RSA = SIGNERS.RS256.jwk
const EC = SIGNERS.ES256.jwk
const OKP = SIGNERS.EdDSA.jwk
const parse = (document: unknown, options = {}) =>
  parseJwkSet(Buffer.from(typeof document === 'string' ? document : JSON.stringify(document)), options)
const outcome = (document: unknown) => outcomeOf(() => parse(document))

describe('parseJwkSet (R37, R42)', () => {
  it('gives every usable key by its kid', () => {
    const set = parse({ keys: [RSA, EC, OKP] })
    expect([...set.keys.keys()]).toEqual([RSA.kid, EC.kid, OKP.kid])
    expect(set).toMatchObject({ skipped: [], edition: undefined })
  })

  it('skips and reports each odd key, and keeps the good ones', () => {
    const odd = [
      [{ ...RSA, d: 'AQAB' }, 'key_private'],
      [{ kty: 'oct', k: 'c2VjcmV0', kid: 'a', alg: 'HS256' }, 'key_symmetric'],
      [{ ...EC, y: 'AAAA', kid: 'b' }, 'key_malformed'],
      [{ ...RSA, e: 'AQ', kid: 'c' }, 'key_weak'],
      [{ kty: 'EC', crv: 'secp256k1', alg: 'ES256K', x: EC.kid, y: EC.kid, kid: 'd' }, 'key_unknown_type'],
      [{ ...RSA, use: 'enc', kid: 'e' }, 'key_not_for_signatures'],
      [{ ...STRANGER.jwk, kid: 'f' }, 'key_kid_mismatch'],
      [null, 'key_malformed'],
      [[OKP], 'key_malformed'],
      ['key', 'key_malformed'],
      [{}, 'key_malformed'],
    ] as const
    const set = parse({ keys: [...odd.map(([key]) => key), OKP] })
    expect([...set.keys.keys()]).toEqual([OKP.kid])
    expect(set.skipped).toEqual(odd.map(([, code], index) => ({ index, code })))
  })

  it('refuses both of two keys that claim one kid', () => {
    const set = parse(
      { keys: [{ ...EC, kid: 'same' }, OKP, { ...RSA, kid: 'same' }] },
      { allowForeignKids: true },
    )
    expect([...set.keys.keys()]).toEqual([OKP.kid])
    expect(set.skipped.map(({ index, code }) => [index, code])).toEqual([
      [0, 'key_duplicate_kid'],
      [2, 'key_duplicate_kid'],
    ])
  })

  it('refuses both when the claimant could not be used anyway', () => {
    expect(outcome({ keys: [OKP, { ...OKP, use: 'enc' }] })).toBe('key_set_without_usable_key')
    expect(outcome({ keys: [{ kty: 'oct', k: 'AAAA', kid: OKP.kid }, OKP] })).toBe(
      'key_set_without_usable_key',
    )
  })

  it('refuses all of three that claim one kid, though two of them are alike', () => {
    const keys = [OKP, { ...OKP, use: 'enc' }, OKP]
    expect(parse({ keys: [...keys, EC] }).skipped.map(({ index }) => index)).toEqual([0, 1, 2])
  })

  it('skips no key for a bug', () => {
    const thumbprints = { has: () => expect.fail('a bug') }
    expect(outcomeOf(() => parse({ keys: [OKP, EC] }, { thumbprints }))).toBe('AssertionError')
  })

  it('says that it is the set that is refused', () => {
    const refused = { name: 'JwkSetRefused', message: 'key set refused: expected at least one usable key' }
    expect(() => parse({ keys: [] })).toThrow(expect.objectContaining(refused))
  })

  it('takes one key that is listed twice for one key', () => {
    expect(parse({ keys: [OKP, OKP] })).toMatchObject({ skipped: [], keys: { size: 1 } })
  })

  it.each([
    ['nothing', ''],
    ['HTML', '<!doctype html>'],
    ['an array', [OKP]],
    ['a bare key', OKP],
    ['keys as an object', { keys: { 0: OKP } }],
    ['keys as a string', { keys: JSON.stringify([OKP]) }],
    ['null', 'null'],
    ['keys twice', `{"keys":[],"keys":[${JSON.stringify(OKP)}]}`],
    ['__proto__', `{"__proto__":{},"keys":[${JSON.stringify(OKP)}]}`],
    ['a byte order mark', `\ufeff${JSON.stringify({ keys: [OKP] })}`],
    ['great depth', `{"keys":[${JSON.stringify(OKP)}],"x":${'['.repeat(8)}${']'.repeat(8)}}`],
  ])('refuses %s as no key set', (_, document) => expect(outcome(document)).toBe('key_set_malformed'))

  it.each([
    ['no key', { keys: [] }],
    ['no usable key', { keys: [{ ...RSA, use: 'enc' }, null] }],
  ])('refuses a set with %s', (_, document) => expect(outcome(document)).toBe('key_set_without_usable_key'))

  it('refuses more bytes than the limit, and takes as many', () => {
    const text = JSON.stringify({ keys: [OKP] })
    expect(outcome(text.padEnd(JWK_SET_LIMITS.bytes))).toBe('accepted')
    expect(outcome(text.padEnd(JWK_SET_LIMITS.bytes + 1))).toBe('key_set_too_large')
  })

  it('refuses more keys than the limit, usable or not, and takes as many', () => {
    const others = (count: number) => Array.from({ length: count }, () => null)
    expect(outcome({ keys: [OKP, ...others(31)] })).toBe('accepted')
    expect(outcome({ keys: [OKP, ...others(32)] })).toBe('key_set_too_large')
  })

  it('survives a document that is nothing but depth', () => {
    expect(outcome('['.repeat(65_536))).toBe('key_set_malformed')
    expect(outcome(`{"keys":${'['.repeat(30_000)}${']'.repeat(30_000)}}`)).toBe('key_set_malformed')
  })
})

describe('edition of a key set (R29)', () => {
  const editionOf = (keyturn: unknown) => parse({ keys: [OKP], keyturn }).edition

  it('is read where it makes sense, without what is beside it', () => {
    const edition = { ring: 'r', version: 7, next_activation: 1_800_000_000 }
    expect(editionOf({ ...edition, other: 1 })).toEqual(edition)
    const longest = { ring: 'r'.repeat(64), version: 0 }
    expect(editionOf(longest)).toEqual(longest)
    expect(editionOf({ ring: 'r', version: 1, next_activation: 'soon' })).toEqual({ ring: 'r', version: 1 })
  })

  it.each([
    undefined,
    null,
    [],
    'r7',
    { ring: 'r' },
    { version: 1 },
    { ring: 1, version: 1 },
    { ring: 'r'.repeat(65), version: 1 },
    { ring: 'r', version: -1 },
    { ring: 'r', version: 1.5 },
    { ring: 'r', version: '1' },
    { ring: 'r', version: 2 ** 53 },
  ])('is no edition: %j', (keyturn) => expect(editionOf(keyturn)).toBeUndefined())
})
