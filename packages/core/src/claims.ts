import { TokenRejected } from './errors.ts'
import { isStringArray, type JsonObject } from './json.ts'

/** Claims that passed {@link validateClaims}: the registered ones have the types of RFC 7519 and RFC 9068. */
export interface TokenClaims {
  readonly iss: string
  readonly exp: number
  readonly aud?: string | readonly string[]
  readonly sub?: string
  readonly iat?: number
  readonly nbf?: number
  readonly jti?: string
  readonly client_id?: string
  readonly scope?: string
  /** Session claims: token type (0 is access), role (1 user, 2 admin), and whether the user is verified. */
  readonly type?: 0
  readonly role?: 1 | 2
  readonly verified?: boolean
  readonly [claim: string]: unknown
}

/** What the claims of a token must say. Times are in seconds, as in the token. */
export interface ClaimExpectations {
  readonly issuer: string
  /** One of these must be in `aud`; `null` lets every audience pass. */
  readonly audiences: readonly string[] | null
  readonly requiredClaims: readonly string[]
  readonly clockToleranceSeconds: number
  /** The oldest `iat`; `Infinity` for no bound. */
  readonly maxAgeSeconds: number
  /** The longest time between `iat` and `exp`; `Infinity` for no bound. */
  readonly maxLifetimeSeconds: number
}

/**
 * Validates the claims of a token whose signature holds. Pure: the caller says what time it is.
 *
 * @throws {TokenRejected} with the code of the first claim that does not hold
 */
export function validateClaims(
  claims: JsonObject,
  expected: ClaimExpectations,
  nowSeconds: number,
): TokenClaims {
  for (const claim of expected.requiredClaims) {
    if (!Object.hasOwn(claims, claim)) throw new TokenRejected('claim_missing', { claim })
  }
  if (claims.iss !== expected.issuer) throw new TokenRejected('issuer_mismatch')
  validateAudience(claims.aud, expected.audiences)
  for (const claim of ['sub', 'jti', 'client_id'] as const) assertNonEmptyString(claims, claim)
  if (claims.scope !== undefined && typeof claims.scope !== 'string') malformed('scope')
  validateSessionClaims(claims)
  validateTimes(claims, expected, nowSeconds)
  return claims as TokenClaims
}

/**
 * The part of {@link validateClaims} that may come out otherwise at another time.
 *
 * @throws {TokenRejected}
 */
export function validateTimes(claims: JsonObject, expected: ClaimExpectations, nowSeconds: number): void {
  const tolerance = expected.clockToleranceSeconds
  const exp = takeTime(claims, 'exp')
  const nbf = takeTime(claims, 'nbf')
  const iat = takeTime(claims, 'iat')
  if (exp === undefined) throw new TokenRejected('claim_missing', { claim: 'exp' })
  // written so that a time that is no number refuses, as does a broken clock
  if (!(nowSeconds < exp + tolerance)) throw new TokenRejected('token_expired')
  if ((nbf ?? -Infinity) - tolerance > nowSeconds) throw new TokenRejected('token_not_yet_valid')
  if ((iat ?? -Infinity) - tolerance > nowSeconds) throw new TokenRejected('token_issued_in_future')
  if (nowSeconds - tolerance > (iat ?? -Infinity) + expected.maxAgeSeconds)
    throw new TokenRejected('token_too_old')
  if (exp - (iat ?? -Infinity) > expected.maxLifetimeSeconds)
    throw new TokenRejected('token_lifetime_too_long')
}

/** From when on a token is refused for its age alone, in seconds, and by which code. */
export interface EndOfClaims {
  readonly atSeconds: number
  readonly code: 'token_expired' | 'token_too_old'
}

/** When claims that hold cease to: the first second at which {@link validateClaims} refuses them. */
export function endOfClaims({ exp, iat }: TokenClaims, expected: ClaimExpectations): EndOfClaims {
  const tolerance = expected.clockToleranceSeconds
  const expiresAt = Math.ceil(exp + tolerance)
  const tooOldAt = Math.floor((iat ?? Infinity) + expected.maxAgeSeconds + tolerance) + 1
  return tooOldAt < expiresAt
    ? { atSeconds: tooOldAt, code: 'token_too_old' }
    : { atSeconds: expiresAt, code: 'token_expired' }
}

function validateAudience(aud: unknown, audiences: readonly string[] | null): void {
  if (aud === undefined && audiences === null) return
  if (aud === undefined) throw new TokenRejected('claim_missing', { claim: 'aud' })
  const listed = typeof aud === 'string' ? [aud] : aud
  if (!isStringArray(listed)) malformed('aud')
  if (audiences !== null && !audiences.some((audience) => listed.includes(audience))) {
    throw new TokenRejected('audience_mismatch')
  }
}

/** The three stand together or not at all: a token that a client gets for itself carries none of them. */
function validateSessionClaims({ type, role, verified }: JsonObject): void {
  if (type === undefined && role === undefined && verified === undefined) return
  if (type !== 0) malformed('type')
  if (role !== 1 && role !== 2) malformed('role')
  if (typeof verified !== 'boolean') malformed('verified')
}

/** NumericDate, but whole seconds only: a fraction has no use here, and `1e999` parses as Infinity. */
function takeTime(claims: JsonObject, claim: 'exp' | 'nbf' | 'iat'): number | undefined {
  const value = claims[claim]
  if (value === undefined) return undefined
  return Number.isSafeInteger(value) ? (value as number) : malformed(claim)
}

function assertNonEmptyString(claims: JsonObject, claim: string): void {
  const value = claims[claim]
  if (value !== undefined && (typeof value !== 'string' || value === '')) malformed(claim)
}

function malformed(claim: string): never {
  throw new TokenRejected('claim_malformed', { claim })
}
