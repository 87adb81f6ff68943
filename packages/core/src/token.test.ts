import { afterEach, describe, expect, it, vi } from 'vitest'
import { availableAlgorithms } from './available-algorithms.ts'
import { encodeBase64url } from './base64url.ts'
import {
  accept,
  CLAIMS,
  checkerWith,
  issue,
  NOW_MS,
  NOW_SECONDS,
  outcomeOf,
  SIGNERS,
  STRANGER,
  signLiterally,
} from './issuer.fixture.ts'
import { sessionOf } from './session.ts'
import { TokenChecker } from './token.ts'
import type { TokenExpectations } from './token-expectations.ts'

const { key, jwk } = SIGNERS.EdDSA
const outcome = (token: unknown, expectations: Partial<TokenExpectations> = {}) =>
  outcomeOf(() => accept(token, { checker: checkerWith(expectations) }))

describe('TokenChecker (R42)', () => {
  it.each(availableAlgorithms())('accepts a good %s token, frozen throughout', (name) => {
    const token = accept(issue({ claims: { act: { sub: ['a'] } } }, SIGNERS[name]), {
      key: SIGNERS[name].key,
    })
    expect(token.header).toEqual({ alg: name, kid: SIGNERS[name].jwk.kid, typ: 'at+jwt' })
    expect(token.claims).toEqual({ ...CLAIMS, act: { sub: ['a'] } })
    const { act } = token.claims as unknown as { act: { sub: string[] } }
    for (const part of [token, token.header, token.claims, act, act.sub])
      expect(Object.isFrozen(part)).toBe(true)
  })

  it('refuses a key of another kid, and one whose end has come', () => {
    expect(outcomeOf(() => accept(issue(), { key: STRANGER.key }))).toBe('key_unknown')
    const ending = { ...key, expiresAt: NOW_MS + 1 }
    expect(outcomeOf(() => accept(issue(), { key: ending }))).toBe('accepted')
    expect(outcomeOf(() => accept(issue(), { key: ending, nowMs: NOW_MS + 1 }))).toBe('key_unknown')
  })

  it('keeps nothing of one token for the next, nor of one that is verified meanwhile', () => {
    const subjects = ['user-1', 'u'.repeat(900), 'u2']
    const [inner = '', ...others] = subjects.map((sub) => issue({ claims: { sub } }))
    const seen: unknown[] = []
    const checker = checkerWith({
      check: ({ sub }) => {
        if (sub !== 'user-1') seen.push(accept(inner, { checker }).claims.sub)
        return true
      },
    })
    seen.push(...others.map((token) => accept(token, { checker }).claims.sub))
    expect(seen).toEqual(['user-1', 'user-1', ...subjects.slice(1)])
  })

  it('leaves the audience of a token as it came', () => {
    for (const aud of [CLAIMS.aud, [CLAIMS.aud, 'other'], ['other', CLAIMS.aud]]) {
      expect(accept(issue({ claims: { aud } })).claims.aud).toEqual(aud)
    }
    const several = checkerWith({ audience: ['first', CLAIMS.aud] } as never)
    expect(accept(issue(), { checker: several }).claims.aud).toBe(CLAIMS.aud)
  })

  it('takes any audience, or none, where none is expected on purpose', () => {
    const checker = checkerWith({ audience: null })
    for (const aud of ['anybody', ['a', 'b'], undefined]) {
      expect(accept(issue({ claims: { aud } }), { checker }).claims.aud).toEqual(aud)
    }
  })

  it('reads no clock: what time it is, the caller says', () => {
    expect(outcomeOf(() => accept(issue(), { nowMs: NOW_MS + 605_000 }))).toBe('token_expired')
    expect(outcomeOf(() => accept(issue(), { nowMs: NOW_MS + 604_999 }))).toBe('accepted')
    expect(outcomeOf(() => accept(issue(), { nowMs: Number.NaN }))).toBe('token_expired')
  })

  it('believes nothing of the payload before the signature holds', () => {
    for (const claims of [{ exp: 1 }, { iss: 'other' }, { aud: 'other' }]) {
      const [header, , signature] = issue().split('.')
      const payload = encodeBase64url(JSON.stringify({ ...CLAIMS, ...claims }))
      expect(outcome(`${header}.${payload}.${signature}`)).toBe('signature_invalid')
    }
    const [header, , signature] = issue().split('.')
    expect(outcome(`${header}.${encodeBase64url('not json')}.${signature}`)).toBe('signature_invalid')
  })

  it.each([
    ['text', 'claims'],
    ['an array', '[]'],
    ['null', 'null'],
    ['a number', '1'],
    ['another token', issue()],
    ['a quoted token', JSON.stringify(issue())],
    ['a byte order mark', `\ufeff${JSON.stringify(CLAIMS)}`],
    ['a member twice', JSON.stringify(CLAIMS).replace('{', '{"iss":"https://auth.example",')],
    ['exp twice', JSON.stringify(CLAIMS).replace('}', ',"\\u0065xp":99999999999}')],
    ['__proto__', JSON.stringify(CLAIMS).replace('{', '{"__proto__":{"role":2},')],
    ['17 levels', JSON.stringify({ ...CLAIMS, deep: JSON.parse('['.repeat(16) + ']'.repeat(16)) })],
    [
      'bytes that are no UTF-8',
      Buffer.concat([Buffer.from('{"iss":"'), Buffer.from([0xff]), Buffer.from('"}')]),
    ],
  ])('refuses a well-signed payload that is %s', (_, payload) => {
    const header = { alg: 'EdDSA', kid: jwk.kid, typ: 'at+jwt' }
    expect(outcome(signLiterally(SIGNERS.EdDSA, header, payload))).toBe('payload_malformed')
  })

  it('accepts 16 levels, and repeats below the top', () => {
    const deep = JSON.stringify({ ...CLAIMS, deep: JSON.parse('['.repeat(15) + ']'.repeat(15)) })
    const header = { alg: 'EdDSA', kid: jwk.kid, typ: 'at+jwt' }
    expect(outcome(signLiterally(SIGNERS.EdDSA, header, deep))).toBe('accepted')
    const repeats = JSON.stringify(CLAIMS).replace('}', ',"act":{"a":1,"a":2}}')
    expect(outcome(signLiterally(SIGNERS.EdDSA, header, repeats))).toBe('accepted')
  })

  it('accepts session claims whose strings hold half a surrogate pair, and hands them on unchanged', () => {
    expect(accept(issue({ claims: { sub: '\ud800' } })).claims.sub).toBe('\ud800')
  })

  it.each(['sub', 'iat', 'jti', 'client_id', 'exp', 'aud'])(
    'requires %s when nothing else is said (RFC 9068)',
    (claim) => {
      expect(outcome(issue({ claims: { [claim]: undefined } }))).toBe('claim_missing')
    },
  )

  it('refuses a token beyond 8 KiB when nothing else is said', () => {
    const padded = (length: number) => issue().slice(0, -1).padEnd(length, 'A')
    expect(outcome(padded(8192))).toBe('signature_length')
    expect(outcome(padded(8193))).toBe('token_too_long')
  })

  it('refuses a token beyond the cap of its caller', () => {
    const token = issue()
    expect(outcome(token, { maxTokenLength: token.length })).toBe('accepted')
    expect(outcome(token, { maxTokenLength: token.length - 1 })).toBe('token_too_long')
  })
})

describe('tokens whose keys are waited for (R41, R42)', () => {
  it('are each verified by their own bytes, whatever was parsed meanwhile', () => {
    const checker = checkerWith()
    const subjects = ['user-1', 'somebody with a longer name', 'u']
    const parsed = subjects.map((sub) => checker.parse(issue({ claims: { sub } })))
    expect(outcomeOf(() => checker.parse(`${issue()}!`))).toBe('token_malformed')
    expect(parsed.map((token) => checker.verify(token, key, NOW_MS).claims.sub)).toEqual(subjects)
    const forged = checker.parse(`${issue().slice(0, -4)}AAAA`)
    checker.parse(issue())
    expect(outcomeOf(() => checker.verify(forged, key, NOW_MS))).toBe('signature_invalid')
  })
})

describe('header cache (R42)', () => {
  it('holds no header that came without a good signature', () => {
    const checker = checkerWith()
    const [header, payload] = issue().split('.')
    const forged = `${header}.${payload}.${encodeBase64url(Buffer.alloc(64))}`
    expect(outcomeOf(() => accept(forged, { checker }))).toBe('signature_invalid')
    expect(checker.parse(issue()).header).not.toBe(checker.parse(issue()).header)
    accept(issue(), { checker })
    expect(checker.parse(issue()).header).toBe(checker.parse(issue()).header)
  })

  it('still checks signature and claims of a known header', () => {
    const checker = checkerWith()
    accept(issue(), { checker })
    expect(outcomeOf(() => accept(issue({ claims: { exp: 1 } }), { checker }))).toBe('token_expired')
    expect(outcomeOf(() => accept(`${issue().slice(0, -4)}AAAA`, { checker }))).toBe('signature_invalid')
    expect(outcomeOf(() => accept(issue(), { checker, key: STRANGER.key }))).toBe('key_unknown')
  })

  it('takes no header from a checker that expects something else', () => {
    const lenient = checkerWith({ typ: null })
    const strict = checkerWith()
    const refresh = issue({ header: { typ: 'refresh+jwt' } })
    expect(outcomeOf(() => strict.verify(lenient.parse(refresh), key, NOW_MS))).toBe('header_typ_refused')
    expect(outcomeOf(() => strict.parse(refresh))).toBe('header_typ_refused')
  })

  it('takes no header that a caller made up', () => {
    const checker = checkerWith()
    const { jws } = checker.parse(issue({}, STRANGER))
    const madeUp = { header: { alg: 'EdDSA', kid: jwk.kid, typ: 'at+jwt' }, jws } as never
    expect(outcomeOf(() => checker.verify(madeUp, key, NOW_MS))).toBe('key_unknown')
  })

  it('keeps what it has while there is room, also when one of them comes again', () => {
    const checker = checkerWith()
    const tokens = Array.from({ length: 64 }, (_, n) => issue({ header: { n } }))
    const parsed = () => tokens.map((token) => checker.parse(token).header)
    for (const token of tokens) accept(token, { checker })
    const cached = parsed()
    for (const token of tokens) accept(token, { checker })
    expect(parsed().every((header, n) => header === cached[n])).toBe(true)
  })

  it('stays bounded', () => {
    const checker = checkerWith()
    const first = issue({ header: { n: -1 } })
    accept(first, { checker })
    const cached = checker.parse(first).header
    for (let n = 0; n < 64; n++) accept(issue({ header: { n } }), { checker })
    expect(checker.parse(first).header).not.toBe(cached)
  })
})

describe('a token that was verified before (R41, R42)', () => {
  it('is good until its time is over, to the second that is said beforehand', () => {
    for (const [expectations, end] of [
      [{}, { atSeconds: NOW_SECONDS + 605, code: 'token_expired' }],
      [{ maxAgeSeconds: 60 }, { atSeconds: NOW_SECONDS + 56, code: 'token_too_old' }],
    ] as const) {
      const checker = checkerWith(expectations)
      const token = accept(issue(), { checker })
      expect(checker.endOf(token)).toEqual(end)
      expect(outcomeOf(() => checker.recheck(token, end.atSeconds * 1000 - 1))).toBe('accepted')
      expect(outcomeOf(() => checker.recheck(token, end.atSeconds * 1000))).toBe(end.code)
    }
  })

  it('is shown to the check of the caller again', () => {
    let isAllowed = true
    const checker = checkerWith({ check: () => isAllowed })
    const token = accept(issue(), { checker })
    expect(outcomeOf(() => checker.recheck(token, NOW_MS))).toBe('accepted')
    isAllowed = false
    expect(outcomeOf(() => checker.recheck(token, NOW_MS))).toBe('check_failed')
  })
})

describe('check of the caller (R42)', () => {
  it('sees frozen claims and has the last word', () => {
    expect(outcome(issue(), { check: ({ sub }) => sub === 'user-1' })).toBe('accepted')
    expect(outcome(issue(), { check: () => false })).toBe('check_failed')
    expect(outcome(issue(), { check: (claims) => Object.isFrozen(claims) })).toBe('accepted')
  })

  it('is not asked about a token that is refused anyway', () => {
    expect(outcome(issue({ claims: { exp: 1 } }), { check: () => expect.fail('asked') })).toBe(
      'token_expired',
    )
  })

  it.each([Promise.resolve(true), Promise.resolve(false), undefined, null, 1, 'true', {}])(
    'is an error when it answers %s, not an acceptance',
    (answer) => expect(outcome(issue(), { check: () => answer as never })).toBe('check_not_synchronous'),
  )

  it('says what to do where it answers a promise', () => {
    const checker = checkerWith({ check: async () => true } as never)
    expect(() => accept(issue(), { checker })).toThrow(
      expect.objectContaining({ remedy: expect.stringMatching(/^await what the check needs before/) }),
    )
  })

  it('ends no process with a promise that fails', async () => {
    const unhandled = vi.fn()
    process.once('unhandledRejection', unhandled)
    const check = () => Promise.reject(new Error('no answer')) as never
    expect(outcome(issue(), { check })).toBe('check_not_synchronous')
    await new Promise(setImmediate)
    expect(unhandled).not.toHaveBeenCalled()
    process.off('unhandledRejection', unhandled)
  })

  it('is not lost as the method of a class', () => {
    class Expectations {
      readonly issuer = 'https://auth.example'
      readonly audience = 'orders'
      check() {
        return false
      }
    }
    expect(outcomeOf(() => new TokenChecker(new Expectations()))).toBe('expectations_invalid')
  })
})

describe('a process whose objects somebody has given members (R42)', () => {
  const polluted: Record<string, unknown> = Object.prototype as never
  afterEach(() => {
    for (const name of Object.keys(polluted)) delete polluted[name]
  })

  it('gives a token no claim and no header that is not its own', () => {
    Object.assign(polluted, {
      aud: CLAIMS.aud,
      typ: 'at+jwt',
      scope: 'keys:admin',
      type: 0,
      role: 2,
      verified: true,
    })
    expect(outcome(issue({ claims: { aud: undefined } }))).toBe('claim_missing')
    expect(outcome(issue({ header: { typ: undefined } }))).toBe('header_typ_refused')
    const none = { type: undefined, role: undefined, verified: undefined, scope: undefined }
    const session = sessionOf(accept(issue({ claims: none })))
    expect(session.kind).toBe('client')
    expect(session.scopes).toEqual([])
  })

  it.each([
    ['issuer', CLAIMS.iss],
    ['audience', null],
  ])('gives a checker no expectation that nobody has of it: %s', (name, value) => {
    const expectations = { issuer: CLAIMS.iss, audience: CLAIMS.aud, [name]: undefined } as never
    polluted[name] = value
    expect(outcomeOf(() => new TokenChecker(expectations))).toBe('expectations_invalid')
  })

  it('gives a checker no other expectations than it has', () => {
    Object.assign(polluted, {
      typ: null,
      check: () => false,
      algorithms: ['EdDSA'],
      requiredClaims: ['none'],
      maxTokenLength: 1,
    })
    expect(accept(issue()).claims.sub).toBe(CLAIMS.sub)
  })
})
