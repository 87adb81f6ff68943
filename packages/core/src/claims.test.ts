import { describe, expect, it } from 'vitest'
import { type ClaimExpectations, endOfClaims, validateClaims } from './claims.ts'
import { AUDIENCE, CLAIMS, ISSUER, NOW_SECONDS as NOW, outcomeOf } from './issuer.fixture.ts'
import type { JsonObject } from './json.ts'

const EXPECTED: ClaimExpectations = {
  issuer: ISSUER,
  audiences: [AUDIENCE],
  requiredClaims: ['sub', 'iat', 'jti', 'client_id'],
  clockToleranceSeconds: 5,
  maxAgeSeconds: Number.POSITIVE_INFINITY,
  maxLifetimeSeconds: Number.POSITIVE_INFINITY,
}
/** As from JSON: a change to `undefined` takes the claim away. */
const outcome = (change: JsonObject, expected: Partial<ClaimExpectations> = {}, now = NOW) =>
  outcomeOf(() =>
    validateClaims(JSON.parse(JSON.stringify({ ...CLAIMS, ...change })), { ...EXPECTED, ...expected }, now),
  )
const parsed = (json: string) => JSON.parse(json) as unknown
const session = { type: 0, role: 1, verified: true }

describe('iss (R33, R42, R63: JWKSInvalidIssuer)', () => {
  it.each([
    undefined,
    null,
    '',
    `${ISSUER}/`,
    ISSUER.toUpperCase(),
    ISSUER.slice(0, -1),
    `${ISSUER}.evil.example`,
    ` ${ISSUER}`,
    `${ISSUER}\0`,
    [ISSUER],
    { value: ISSUER },
    0,
    true,
  ])('refuses %j', (iss) => expect(outcome({ iss })).toBe('issuer_mismatch'))

  it('does not fold Unicode', () => {
    expect(outcome({ iss: 'https://caf\u0065\u0301' }, { issuer: 'https://caf\u00e9' })).toBe(
      'issuer_mismatch',
    )
  })
})

describe('aud (R33, R42)', () => {
  it.each([[AUDIENCE], [[AUDIENCE]], [['other', AUDIENCE]]])('accepts %j', (aud) => {
    expect(outcome({ aud })).toBe('accepted')
  })

  it.each([
    [undefined, 'claim_missing'],
    ['', 'audience_mismatch'],
    [[], 'audience_mismatch'],
    [[''], 'audience_mismatch'],
    ['orders2', 'audience_mismatch'],
    ['order', 'audience_mismatch'],
    ['Orders', 'audience_mismatch'],
    ['orders other', 'audience_mismatch'],
    ['["orders"]', 'audience_mismatch'],
    [null, 'claim_malformed'],
    [1, 'claim_malformed'],
    [{ 0: AUDIENCE, length: 1 }, 'claim_malformed'],
    [[[AUDIENCE]], 'claim_malformed'],
    [[AUDIENCE, 1], 'claim_malformed'],
    [[AUDIENCE, null], 'claim_malformed'],
  ])('refuses %j', (aud, code) => expect(outcome({ aud })).toBe(code))

  it('needs one of several audiences only', () => {
    expect(outcome({}, { audiences: ['billing', AUDIENCE] })).toBe('accepted')
    expect(outcome({}, { audiences: ['billing', 'stock'] })).toBe('audience_mismatch')
  })

  it('lets every audience pass where the caller said null, but none of a wrong type', () => {
    expect(outcome({ aud: undefined }, { audiences: null })).toBe('accepted')
    expect(outcome({ aud: 'x' }, { audiences: null })).toBe('accepted')
    expect(outcome({ aud: [1] }, { audiences: null })).toBe('claim_malformed')
  })
})

describe('expired token (R27, R42, R63, R74)', () => {
  it('expires one tolerance after exp, to the second', () => {
    expect(outcome({ exp: NOW - 4 })).toBe('accepted')
    expect(outcome({ exp: NOW - 5 })).toBe('token_expired')
    expect(outcome({ exp: NOW }, { clockToleranceSeconds: 0 })).toBe('token_expired')
    expect(outcome({ exp: NOW + 1 }, { clockToleranceSeconds: 0 })).toBe('accepted')
  })

  it.each([-1, 0, -0, 1, -1e15])('refuses exp %d as past', (exp) =>
    expect(outcome({ exp })).toBe('token_expired'),
  )

  it('has no token that never expires', () => {
    expect(outcome({ exp: undefined })).toBe('claim_missing')
    expect(outcome({ exp: undefined }, { requiredClaims: [] })).toBe('claim_missing')
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses every token when the clock reads %s', (now) => {
    expect(outcome({}, {}, now)).toBe('token_expired')
  })
})

describe('times (R42)', () => {
  it.each(['1e10', '18000006e2', '1.8000006e9', '1800000600.0', '9007199254740991'])(
    'takes exp %s for a whole number',
    (json) => expect(outcome({ exp: parsed(json) })).toBe('accepted'),
  )

  it.each(['exp', 'nbf', 'iat'])('refuses a %s that is no whole number', (claim) => {
    const odd = ['1.5', '1800000600.5', '1e999', '-1e999', '9007199254740992', '1e300', 'null', 'true', '""']
    const shapes = ['"1800000600"', '"0"', '[1800000600]', '{}', '[]', '"2027-01-15T08:00:00Z"']
    for (const json of [...odd, ...shapes]) {
      const claims = { ...CLAIMS, [claim]: parsed(json) }
      const code = outcomeOf(() => validateClaims(claims, EXPECTED, NOW))
      expect([json, code]).toEqual([json, 'claim_malformed'])
    }
  })

  it('refuses a token before its nbf, beyond the tolerance', () => {
    expect(outcome({ nbf: NOW + 5 })).toBe('accepted')
    expect(outcome({ nbf: NOW + 6 })).toBe('token_not_yet_valid')
  })

  it('refuses a token from the future, beyond the tolerance', () => {
    expect(outcome({ iat: NOW + 5 })).toBe('accepted')
    expect(outcome({ iat: NOW + 6 })).toBe('token_issued_in_future')
  })

  it('refuses a token that is too old, and one that does not say how old it is', () => {
    expect(outcome({ iat: NOW - 65 }, { maxAgeSeconds: 60 })).toBe('accepted')
    expect(outcome({ iat: NOW - 66 }, { maxAgeSeconds: 60 })).toBe('token_too_old')
    expect(outcome({ iat: undefined }, { maxAgeSeconds: 60, requiredClaims: [] })).toBe('token_too_old')
  })

  it('refuses a token made to live too long, and one that does not say for how long', () => {
    const hour = { maxLifetimeSeconds: 3600 }
    expect(outcome({ iat: NOW, exp: NOW + 3600 }, hour)).toBe('accepted')
    expect(outcome({ iat: NOW, exp: NOW + 3601 }, hour)).toBe('token_lifetime_too_long')
    expect(outcome({ iat: undefined }, { ...hour, requiredClaims: [] })).toBe('token_lifetime_too_long')
  })

  it('asks for no nbf, and for no iat where the caller does not', () => {
    expect(outcome({ nbf: undefined })).toBe('accepted')
    expect(outcome({ iat: undefined }, { requiredClaims: [] })).toBe('accepted')
  })
})

describe('names and session claims (R23, R42)', () => {
  it.each(['sub', 'jti', 'client_id'])('requires %s, as a string with something in it', (claim) => {
    expect(outcome({ [claim]: undefined })).toBe('claim_missing')
    for (const value of ['', null, 0, 1, true, ['a'], {}]) {
      expect([value, outcome({ [claim]: value })]).toEqual([value, 'claim_malformed'])
      expect(outcome({ [claim]: value }, { requiredClaims: [] })).toBe('claim_malformed')
    }
    expect(outcome({ [claim]: undefined }, { requiredClaims: [] })).toBe('accepted')
  })

  it.each([
    ['claim_missing', { sub: undefined }, 'sub'],
    ['claim_missing', { aud: undefined }, 'aud'],
    ['claim_missing', { exp: undefined }, 'exp'],
    ['claim_malformed', { client_id: '' }, 'client_id'],
    ['claim_malformed', { aud: 1 }, 'aud'],
    ['claim_malformed', { iat: '1' }, 'iat'],
    ['claim_malformed', { scope: ['a'] }, 'scope'],
    ['claim_malformed', { ...session, type: 1 }, 'type'],
    ['claim_malformed', { ...session, role: 3 }, 'role'],
    ['claim_malformed', { ...session, verified: 1 }, 'verified'],
  ])('refuses as %s, by its name: %j', (code, change, claim) => {
    const claims = JSON.parse(JSON.stringify({ ...CLAIMS, ...change }))
    const action = () => validateClaims(claims, EXPECTED, NOW)
    expect(action).toThrow(expect.objectContaining({ code, claim }))
  })

  it.each(['constructor', 'toString', 'hasOwnProperty', '__proto__', 'tenant'])(
    'finds a required %s in the token only, not in what every object has',
    (claim) => expect(outcome({}, { requiredClaims: [claim] })).toBe('claim_missing'),
  )

  it.each([null, 1, ['a'], {}])('refuses scope %j', (scope) =>
    expect(outcome({ scope })).toBe('claim_malformed'),
  )

  it.each([{ role: 1 }, { role: 2 }, { verified: false }])('accepts session claims with %j', (change) =>
    expect(outcome({ ...session, ...change })).toBe('accepted'),
  )

  it.each([
    ...[1, '0', null, false, [], 0.5, -1].map((type) => ({ type })),
    ...[0, 3, '1', '2', null, true, [1], 1.5, -1].map((role) => ({ role })),
    ...['true', 'false', 0, 1, null, []].map((verified) => ({ verified })),
  ])('refuses session claims with %j', (change) => {
    expect(outcome({ ...session, ...change })).toBe('claim_malformed')
  })

  it.each(['type', 'role', 'verified'] as const)(
    'refuses %s alone, and the other two without it',
    (claim) => {
      expect(outcome({ [claim]: session[claim] })).toBe('claim_malformed')
      expect(outcome({ ...session, [claim]: undefined })).toBe('claim_malformed')
    },
  )
})

describe('the end of claims that hold (R42, R43)', () => {
  it.each([
    [{ iat: NOW, exp: NOW + 60 }, {}, { atSeconds: NOW + 65, code: 'token_expired' }],
    [
      { iat: NOW, exp: NOW + 60 },
      { clockToleranceSeconds: 0 },
      { atSeconds: NOW + 60, code: 'token_expired' },
    ],
    [{ iat: NOW, exp: NOW + 60 }, { maxAgeSeconds: 30 }, { atSeconds: NOW + 36, code: 'token_too_old' }],
    [{ iat: NOW, exp: NOW + 60 }, { maxAgeSeconds: 59 }, { atSeconds: NOW + 65, code: 'token_expired' }],
    [
      { iat: NOW, exp: NOW + 60 },
      { clockToleranceSeconds: 0.5 },
      { atSeconds: NOW + 61, code: 'token_expired' },
    ],
    [
      { iat: NOW, exp: NOW + 60 },
      { clockToleranceSeconds: 0.5, maxAgeSeconds: 30 },
      { atSeconds: NOW + 31, code: 'token_too_old' },
    ],
    [
      { exp: NOW + 60, iat: undefined },
      { requiredClaims: [] },
      { atSeconds: NOW + 65, code: 'token_expired' },
    ],
  ])('of %j with %j is the first second at which they are refused', (times, expected, end) => {
    const claims = { iss: ISSUER, ...times } as never
    expect(endOfClaims(claims, { ...EXPECTED, ...expected })).toEqual(end)
    expect(outcome(times, expected, end.atSeconds - 1)).toBe('accepted')
    expect(outcome(times, expected, end.atSeconds)).toBe(end.code)
  })
})
