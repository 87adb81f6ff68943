import { ALGORITHM_NAMES, type AlgorithmName, isAlgorithmName } from './algorithms.ts'
import { assertAlgorithmAvailable, availableAlgorithms } from './available-algorithms.ts'
import type { TokenClaims } from './claims.ts'
import { KeyturnError } from './errors.ts'
import { isStringArray } from './json.ts'
import { definedIn, ownOptions } from './own-options.ts'

/** What a token must be. Issuer and audience are mandatory: there is no secure default for them. */
export interface TokenExpectations {
  /** `iss`, compared exactly. */
  readonly issuer: string
  /** What `aud` must contain (one of them, when several); `null` lets every audience pass, so say it on purpose. */
  readonly audience: string | readonly string[] | null
  /**
   * Algorithms that may occur. Default: all that the runtime has. Each is asymmetric, and a key has but one, which its
   * issuer publishes: so an issuer may change its algorithm without a word to its verifiers (docs/adr/0012).
   */
  readonly algorithms?: readonly AlgorithmName[]
  /** The kind of token, in `typ`; `null` lets every kind pass. Default `at+jwt` (RFC 9068). */
  readonly typ?: string | null
  /** Claims that must be there. Default: what RFC 9068, section 2.2, requires. `exp` and `iss` always are. */
  readonly requiredClaims?: readonly string[]
  /** How far clocks may differ, 0 to 60 seconds. Default 5. */
  readonly clockToleranceSeconds?: number
  /** Refuses tokens issued longer ago. Default: no bound but `exp`. */
  readonly maxAgeSeconds?: number
  /** Refuses tokens made to live longer. Default: no bound. */
  readonly maxLifetimeSeconds?: number
  /** Length cap in characters. Default 8192. */
  readonly maxTokenLength?: number
  /** The caller's own rule, synchronous; anything but `true` is a refusal, and a promise is an error. */
  readonly check?: (claims: TokenClaims) => boolean
}

/** With a default for whatever was not given; there is none for a check. */
export type CompleteExpectations = Required<Omit<TokenExpectations, 'check'>> &
  Pick<TokenExpectations, 'check'>

/** In characters; what `maxTokenLength` is where it is not given. */
export const DEFAULT_MAX_TOKEN_LENGTH = 8192

const DEFAULTS = Object.freeze({
  typ: 'at+jwt',
  requiredClaims: Object.freeze(['sub', 'iat', 'jti', 'client_id']),
  clockToleranceSeconds: 5,
  maxAgeSeconds: Number.POSITIVE_INFINITY,
  maxLifetimeSeconds: Number.POSITIVE_INFINITY,
  maxTokenLength: DEFAULT_MAX_TOKEN_LENGTH,
})
const MAX_TOLERANCE_SECONDS = 60

/**
 * Completes what somebody expects of a token.
 *
 * @throws {KeyturnError} `expectations_invalid`, `algorithm_unavailable`
 */
export function completeExpectations(expectations: TokenExpectations): CompleteExpectations {
  const own = ownOptions(expectations, 'expectations_invalid')
  const defaults = { ...DEFAULTS, algorithms: availableAlgorithms() }
  // again without a prototype: what was put into every object of the process is no expectation
  const given: CompleteExpectations = Object.assign(Object.create(null), defaults, definedIn(own))
  assertExpectations(given)
  return given
}

function assertExpectations(given: CompleteExpectations): void {
  const { issuer, audience, algorithms, typ, requiredClaims, clockToleranceSeconds: tolerance } = given
  assert(isFilled(issuer), 'issuer', 'a non-empty string')
  const audiences = Array.isArray(audience) ? audience : [audience]
  assert(audience === null || isListOf(audiences, isFilled), 'audience', 'a string, or null')
  assert(isListOf(algorithms, isAlgorithmName), 'algorithms', `a list of ${ALGORITHM_NAMES.join(', ')}`)
  algorithms.forEach(assertAlgorithmAvailable)
  assert(typ === null || isFilled(typ), 'typ', 'a media type, or null')
  assert(isStringArray(requiredClaims) && requiredClaims.every(isFilled), 'requiredClaims', 'names of claims')
  assert(
    tolerance === 0 || (isPositive(tolerance) && tolerance <= MAX_TOLERANCE_SECONDS),
    'clockToleranceSeconds',
    'a number from 0 to 60',
  )
  assert(isPositive(given.maxAgeSeconds), 'maxAgeSeconds', 'a positive number')
  assert(isPositive(given.maxLifetimeSeconds), 'maxLifetimeSeconds', 'a positive number')
  assert(
    isPositive(given.maxTokenLength) && Number.isInteger(given.maxTokenLength),
    'maxTokenLength',
    'a positive integer',
  )
  assert(given.check === undefined || typeof given.check === 'function', 'check', 'a function')
}

function assert(holds: boolean, option: string, expected: string): void {
  if (!holds) throw new KeyturnError('expectations_invalid', `${option}: expected ${expected}`)
}

function isFilled(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function isListOf(value: unknown, holds: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(holds)
}

/** Not `'5'`: a string would be glued to the `exp` that it is added to, and no token would ever expire. */
function isPositive(value: unknown): boolean {
  return typeof value === 'number' && value > 0
}
