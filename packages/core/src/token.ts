import { ALGORITHM_NAMES, type AlgorithmName, isAlgorithmName } from './algorithms.ts'
import { assertAlgorithmAvailable, availableAlgorithms } from './available-algorithms.ts'
import {
  type ClaimExpectations,
  type EndOfClaims,
  endOfClaims,
  type TokenClaims,
  validateClaims,
  validateTimes,
} from './claims.ts'
import { KeyturnError, TokenRejected } from './errors.ts'
import { deepFreeze, isStringArray, type JsonObject, parseJsonObject, parseJsonText } from './json.ts'
import { isKid, type VerificationKey } from './jwk.ts'
import { type CompactJws, cutAtDots, isPart, notCompact, verifySignature } from './jws.ts'
import { type DecodedJws, JwsDecoder } from './jws-decoder.ts'
import { ownOptions } from './own-options.ts'

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

/** The header of a token, checked; unverified until the signature holds. */
export interface TokenHeader {
  readonly alg: AlgorithmName
  readonly kid: string
  readonly typ: string | undefined
}

/** A token whose header names a key that may have signed it. Nothing of it is believed yet. */
export interface ParsedToken {
  readonly header: TokenHeader
  readonly jws: CompactJws
}

declare const verified: unique symbol

/** A token whose signature and claims hold. Only {@link TokenChecker} makes one. Frozen throughout. */
export interface VerifiedToken {
  readonly header: TokenHeader
  readonly claims: TokenClaims
  readonly [verified]: true
}

/** In characters; what `maxTokenLength` is where it is not given. */
export const DEFAULT_MAX_TOKEN_LENGTH = 8192
/** How deep the claims of a token may be nested. */
export const PAYLOAD_DEPTH = 16

const DEFAULTS = Object.freeze({
  typ: 'at+jwt',
  requiredClaims: Object.freeze(['sub', 'iat', 'jti', 'client_id']),
  clockToleranceSeconds: 5,
  maxAgeSeconds: Number.POSITIVE_INFINITY,
  maxLifetimeSeconds: Number.POSITIVE_INFINITY,
  maxTokenLength: DEFAULT_MAX_TOKEN_LENGTH,
})
const MAX_TOLERANCE_SECONDS = 60
const HEADER_DEPTH = 4
const HEADER_CACHE_ENTRIES = 64

/**
 * Checks tokens in two steps, so that where keys come from is somebody else's concern: {@link parse} says which key the
 * token claims, {@link verify} believes it or not. Does no I/O and reads no clock.
 *
 * @example
 * const checker = new TokenChecker({ issuer: 'https://auth.example', audience: 'orders' })
 * const parsed = checker.parse(jwt)
 * const token = checker.verify(parsed, keys.get(parsed.header.kid), Date.now())
 */
export class TokenChecker {
  readonly #claims: ClaimExpectations
  readonly #algorithms: ReadonlySet<AlgorithmName>
  readonly #typ: string | null
  readonly #maxTokenLength: number
  readonly #check: TokenExpectations['check']
  /** Headers by their exact text. Only a header under a good signature gets in, so strangers cannot fill it. */
  readonly #headers = new Map<string, TokenHeader>()
  readonly #decoder = new JwsDecoder()

  /** @throws {KeyturnError} `expectations_invalid`, `algorithm_unavailable` */
  constructor(expectations: TokenExpectations) {
    const own = ownOptions(expectations, 'expectations_invalid')
    const given = { ...DEFAULTS, algorithms: availableAlgorithms(), ...withoutUndefined(own) }
    assertExpectations(given)
    this.#claims = Object.freeze({
      issuer: given.issuer,
      audiences: given.audience === null ? null : [given.audience].flat(),
      requiredClaims: [...given.requiredClaims],
      clockToleranceSeconds: given.clockToleranceSeconds,
      maxAgeSeconds: given.maxAgeSeconds,
      maxLifetimeSeconds: given.maxLifetimeSeconds,
    })
    this.#algorithms = new Set(given.algorithms)
    this.#typ = given.typ === null ? null : mediaType(given.typ)
    this.#maxTokenLength = given.maxTokenLength
    this.#check = given.check
  }

  /**
   * Takes a token apart as far as is needed to know its key.
   *
   * @throws {TokenRejected}
   */
  parse(token: unknown): ParsedToken {
    const jws = cutAtDots(token, this.#maxTokenLength)
    this.#decode(jws)
    return { header: this.#headerOf(jws), jws }
  }

  /**
   * Verifies a parsed token with the key of its kid, at a time in milliseconds.
   *
   * @throws {TokenRejected}
   */
  verify(parsed: ParsedToken, key: VerificationKey, nowMs: number): VerifiedToken {
    const { jws } = parsed
    // not the parsed one: a checker with other expectations may have let it pass
    const header = this.#headerOf(jws)
    if (key.kid !== header.kid || key.expiresAt <= nowMs) throw new TokenRejected('key_unknown')
    if (key.algorithm.name !== header.alg) throw new TokenRejected('key_alg_mismatch')
    const { signature, text } = this.#decode(jws)
    if (signature.length !== key.signatureBytes) throw new TokenRejected('signature_length')
    if (!verifySignature(key, jws.signingInput, signature)) throw new TokenRejected('signature_invalid')
    this.#remember(jws.header, header)
    const payload = text === undefined ? undefined : parseJsonText(text, PAYLOAD_DEPTH)
    if (payload === undefined) throw new TokenRejected('payload_malformed')
    const claims = this.#shareStrings(validateClaims(payload, this.#claims, Math.floor(nowMs / 1000)))
    this.#applyCheck(deepFreeze(claims))
    return Object.freeze({ header, claims }) as VerifiedToken
  }

  /**
   * Looks once more at what {@link verify} has accepted: at all that may have become otherwise, but for its key.
   *
   * @throws {TokenRejected} as {@link verify} would with the same key
   */
  recheck(token: VerifiedToken, nowMs: number): void {
    validateTimes(token.claims, this.#claims, Math.floor(nowMs / 1000))
    this.#applyCheck(token.claims)
  }

  /** From when on {@link verify} refuses a token that it has verified, for its age alone. */
  endOf(token: VerifiedToken): EndOfClaims {
    return endOfClaims(token.claims, this.#claims)
  }

  #decode(jws: CompactJws): DecodedJws {
    const decoded = this.#decoder.decode(jws)
    if (decoded === undefined) throw notCompact(jws)
    return decoded
  }

  #headerOf(jws: CompactJws): TokenHeader {
    return this.#headers.get(jws.header) ?? this.#parseHeader(jws)
  }

  #parseHeader(jws: CompactJws): TokenHeader {
    if (!isPart(jws.header)) throw notCompact(jws)
    const header = parseJsonObject(Buffer.from(jws.header, 'base64url'), HEADER_DEPTH)
    if (header === undefined) throw new TokenRejected('header_malformed')
    refuseExtensions(header)
    const { alg, kid, typ } = header
    if (!isAlgorithmName(alg) || !this.#algorithms.has(alg)) throw new TokenRejected('header_alg_refused')
    if (!isKid(kid)) throw new TokenRejected('header_kid_refused')
    if (typ !== undefined && typeof typ !== 'string') throw new TokenRejected('header_typ_refused')
    if (this.#typ !== null && (typ === undefined || mediaType(typ) !== this.#typ)) {
      throw new TokenRejected('header_typ_refused')
    }
    return Object.freeze({ alg, kid, typ })
  }

  /** What every token says alike is there once, however many of them are kept. */
  #shareStrings(claims: { -readonly [Claim in keyof TokenClaims]: TokenClaims[Claim] }): TokenClaims {
    const { issuer, audiences } = this.#claims
    claims.iss = issuer
    const audience = audiences?.find((one) => one === claims.aud)
    if (audience !== undefined) claims.aud = audience
    return claims
  }

  #remember(encoded: string, header: TokenHeader): void {
    if (this.#headers.size >= HEADER_CACHE_ENTRIES) this.#headers.clear()
    this.#headers.set(encoded, header)
  }

  #applyCheck(claims: TokenClaims): void {
    if (this.#check === undefined) return
    const outcome: unknown = this.#check(claims)
    if (typeof outcome !== 'boolean') {
      // a promise that fails must not end the process because nobody waits for it
      Promise.resolve(outcome).catch(() => {})
      throw new KeyturnError(
        'check_not_synchronous',
        'expected the check option to return true or false at once',
        {
          remedy: 'await what the check needs before calling verify, or look it up afterwards',
        },
      )
    }
    if (!outcome) throw new TokenRejected('check_failed')
  }
}

function refuseExtensions(header: JsonObject): void {
  if (header.b64 === false) throw new TokenRejected('token_unencoded_payload')
  if (header.enc !== undefined) throw new TokenRejected('token_encrypted')
  const { cty } = header
  if (typeof cty === 'string' && mediaType(cty) === 'jwt') throw new TokenRejected('token_nested')
  if (Object.hasOwn(header, 'crit')) throw new TokenRejected('header_crit_refused')
}

/** `application/` may be left out of a media type without a slash (RFC 7515, section 4.1.9). */
function mediaType(typ: string): string {
  const lower = typ.toLowerCase()
  return lower.startsWith('application/') ? lower.slice('application/'.length) : lower
}

function assertExpectations(
  given: Required<Omit<TokenExpectations, 'check'>> & Pick<TokenExpectations, 'check'>,
): void {
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

/** An option that is passed as `undefined` means its default, as with a default parameter. */
function withoutUndefined(options: TokenExpectations): TokenExpectations {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never
}
