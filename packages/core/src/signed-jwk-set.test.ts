import { describe, expect, it } from 'vitest'
import {
  ISSUER,
  issue,
  NOW_MS,
  NOW_SECONDS,
  outcomeOf,
  SIGNERS,
  type Signer,
  STRANGER,
  signLiterally,
} from './issuer.fixture.ts'
import type { JsonObject } from './json.ts'
import { JWK_SET_LIMITS } from './jwk-set.ts'
import { signCompact } from './jws.ts'
import { type SignedJwkSetExpectations, SignedJwkSetReader } from './signed-jwk-set.ts'

const ROOT = SIGNERS.EdDSA
const KEYS = [SIGNERS.RS256.jwk, SIGNERS.ES256.jwk]
const HEADER = { alg: ROOT.jwk.alg, kid: ROOT.jwk.kid, typ: 'jwk-set+jwt' }
const CLAIMS: JsonObject = Object.freeze({
  iss: ISSUER,
  sub: ISSUER,
  iat: NOW_SECONDS - 10,
  exp: NOW_SECONDS + 600,
  keys: KEYS,
  keyturn: { ring: 'ring-1', version: 7 },
})

const reader = (expectations: Partial<SignedJwkSetExpectations> = {}) =>
  new SignedJwkSetReader({ issuer: ISSUER, roots: new Map([[ROOT.key.kid, ROOT.key]]), ...expectations })
const read = (text: string, nowMs = NOW_MS, options = {}) => reader(options).read(Buffer.from(text), nowMs)
const signed = (change: { header?: object; claims?: JsonObject; by?: Signer } = {}) =>
  signLiterally(change.by ?? ROOT, { ...HEADER, ...change.header }, { ...CLAIMS, ...change.claims })
const outcome = (text: string, nowMs = NOW_MS) => outcomeOf(() => read(text, nowMs))

describe('SignedJwkSetReader (R39)', () => {
  it('takes a set that a root has signed, and says which, and until when it is good', () => {
    const set = read(signed())
    expect([...set.keys.keys()]).toEqual(KEYS.map(({ kid }) => kid))
    expect(set.edition).toEqual({ ring: 'ring-1', version: 7 })
    expect(set.signature).toEqual({
      rootKid: ROOT.jwk.kid,
      issuedAt: NOW_MS - 10_000,
      expiresAt: NOW_MS + 605_000,
    })
    expect(set).toSatisfy(Object.isFrozen)
  })

  it.each(Object.values(SIGNERS))('takes the signature of a root of $jwk.alg', (root) => {
    const roots = new Map([[root.key.kid, root.key]])
    const header = { alg: root.jwk.alg, kid: root.jwk.kid }
    expect(read(signed({ header, by: root }), NOW_MS, { roots }).signature?.rootKid).toBe(root.jwk.kid)
  })

  it('takes what signCompact makes, as an authority does', async () => {
    const text = await signCompact(ROOT.signingKey, { typ: 'jwk-set+jwt' }, CLAIMS)
    expect(read(text).keys.size).toBe(2)
  })

  it('takes either of two roots, so that one can follow the other', () => {
    const roots = new Map([ROOT, STRANGER].map(({ key }) => [key.kid, key]))
    const header = { kid: STRANGER.jwk.kid }
    expect(read(signed(), NOW_MS, { roots }).signature?.rootKid).toBe(ROOT.jwk.kid)
    expect(read(signed({ header, by: STRANGER }), NOW_MS, { roots }).signature?.rootKid).toBe(
      STRANGER.jwk.kid,
    )
  })

  it.each([
    ['the set without a signature', JSON.stringify({ keys: KEYS }), 'key_set_not_signed'],
    ['nothing', '', 'key_set_not_signed'],
    ['a token of the root', issue({ claims: CLAIMS }), 'key_set_not_signed'],
    ['another kind of JWT', signed({ header: { typ: 'JWT' } }), 'key_set_not_signed'],
    ['no kind', signed({ header: { typ: undefined } }), 'key_set_not_signed'],
    ['space around it', `${signed()}\n`, 'key_set_not_signed'],
    ['crit', signed({ header: { crit: ['exp'] } }), 'key_set_not_signed'],
    ['alg none', `${signed({ header: { alg: 'none' } }).replace(/[^.]+$/, '')}`, 'key_set_not_signed'],
    [
      'a set of another subject',
      signed({ claims: { sub: 'https://other.example' } }),
      'key_set_issuer_mismatch',
    ],
    ['a set without exp', signed({ claims: { exp: undefined } }), 'key_set_not_signed'],
    ['a set without iat', signed({ claims: { iat: undefined } }), 'key_set_not_signed'],
    [
      'a stranger under his own name',
      signed({ header: { kid: STRANGER.jwk.kid }, by: STRANGER }),
      'key_set_root_unknown',
    ],
    [
      'a key of the set',
      signed({ header: { alg: 'RS256', kid: KEYS[0]?.kid }, by: SIGNERS.RS256 }),
      'key_set_root_unknown',
    ],
    ['a stranger under the name of the root', signed({ by: STRANGER }), 'key_set_signature_invalid'],
    ['a signature of another length', `${signed()}AAAA`, 'key_set_signature_invalid'],
    ['the alg of another key', signed({ header: { alg: 'ES256' } }), 'key_set_signature_invalid'],
    [
      'a root in the header',
      signed({ header: { kid: STRANGER.jwk.kid, jwk: STRANGER.jwk }, by: STRANGER }),
      'key_set_root_unknown',
    ],
    [
      'the set of another issuer',
      signed({ claims: { iss: 'https://other.example' } }),
      'key_set_issuer_mismatch',
    ],
    ['a set of tomorrow', signed({ claims: { iat: NOW_SECONDS + 6 } }), 'key_set_from_future'],
    ['a set that is not good yet', signed({ claims: { nbf: NOW_SECONDS + 6 } }), 'key_set_from_future'],
    ['no keys', signed({ claims: { keys: [] } }), 'key_set_without_usable_key'],
    ['keys that are no list', signed({ claims: { keys: 'none' } }), 'key_set_malformed'],
  ])('refuses %s', (_, text, code) => expect(outcome(text)).toBe(code))

  it('takes a set until its end, and the tolerance, and not later', () => {
    const end = read(signed()).signature?.expiresAt ?? 0
    expect(outcome(signed(), end - 1)).toBe('accepted')
    expect(outcome(signed(), end)).toBe('key_set_expired')
    const exact = reader({ clockToleranceSeconds: 0 })
    expect(outcomeOf(() => exact.read(Buffer.from(signed()), NOW_MS + 600_000))).toBe('key_set_expired')
  })

  it('refuses the set of a root that has ended', () => {
    const roots = new Map([[ROOT.key.kid, { ...ROOT.key, expiresAt: NOW_MS }]])
    expect(outcomeOf(() => read(signed(), NOW_MS, { roots }))).toBe('key_set_root_unknown')
  })

  it('skips odd keys of a signed set as of any other, and heeds what keys may be used', () => {
    const keys = [{ kty: 'oct', k: 'AAAA', kid: 'a', alg: 'HS256' }, ...KEYS]
    expect(read(signed({ claims: { keys } })).skipped).toEqual([{ index: 0, code: 'key_symmetric' }])
    const jwk = { thumbprints: new Set([KEYS[1]?.kid as string]) }
    expect([...read(signed(), NOW_MS, { jwk }).keys.keys()]).toEqual([KEYS[1]?.kid])
  })

  it('refuses more bytes than a set may have, before it looks at them', () => {
    const claims = { padding: 'x'.repeat(JWK_SET_LIMITS.bytes) }
    expect(outcome(signed({ claims }))).toBe('key_set_too_large')
  })

  it('takes a set of signableBytes, signed with the longest signature that there is', () => {
    const set = { keys: KEYS, keyturn: { ring: 'ring-1', version: 7 }, padding: '' }
    const padding = 'x'.repeat(JWK_SET_LIMITS.signableBytes - JSON.stringify(set).length)
    const lengthOf = (root: Signer) => signed({ by: root }).length
    const longest = Object.values(SIGNERS).reduce((one, other) =>
      lengthOf(one) > lengthOf(other) ? one : other,
    )
    const header = { alg: longest.jwk.alg, kid: longest.jwk.kid }
    const text = signed({ header, claims: { ...set, padding }, by: longest })
    expect(read(text, NOW_MS, { roots: new Map([[longest.key.kid, longest.key]]) }).keys.size).toBe(2)
  })

  it('says what it expected, and not what it found', () => {
    const text = signed({ claims: { iss: 'https://secret.example' } })
    expect(() => read(text)).toThrow(/^key set refused: expected iss and sub to be the configured issuer$/)
    expect(() => read(signed({ header: { crit: ['exp'] } }))).toThrow(
      expect.objectContaining({
        message: 'key set refused: expected a JWS of typ jwk-set+jwt (header_crit_refused)',
        cause: expect.objectContaining({ name: 'TokenRejected', code: 'header_crit_refused' }),
      }),
    )
  })
})
