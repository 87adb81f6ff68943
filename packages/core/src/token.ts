import { type AlgorithmName, isAlgorithmName } from './algorithms.ts'
import {
  type ClaimExpectations,
  type EndOfClaims,
  endOfClaims,
  type TokenClaims,
  validateClaims,
  validateTimes,
} from './claims.ts'
import { KeyturnError, TokenRejected } from './errors.ts'
import { deepFreeze, type JsonObject, parseJsonObject, parseJsonText } from './json.ts'
import { isKid, type VerificationKey } from './jwk.ts'
import { type CompactJws, isSigned, splitCompact } from './jws.ts'
import { Scratch } from './scratch.ts'
import { completeExpectations, type TokenExpectations } from './token-expectations.ts'

/** The header of a token, checked; unverified until the signature holds. */
export interface TokenHeader {
  readonly alg: AlgorithmName
  readonly kid: string
  readonly typ: string | undefined
}

declare const parsed: unique symbol

/** A token whose header names a key that may have signed it. Nothing of it is believed yet. Only {@link TokenChecker} makes one. */
export interface ParsedToken {
  readonly header: TokenHeader
  readonly jws: CompactJws
  readonly [parsed]: true
}

declare const verified: unique symbol

/** A token whose signature and claims hold. Only {@link TokenChecker} makes one. Frozen throughout. */
export interface VerifiedToken {
  readonly header: TokenHeader
  readonly claims: TokenClaims
  readonly [verified]: true
}

/** How deep the claims of a token may be nested. */
export const PAYLOAD_DEPTH = 16
const HEADER_DEPTH = 4
const HEADER_CACHE_ENTRIES = 64

/**
 * Checks tokens in two steps, so that where keys come from is somebody else's concern: {@link parse} says which key the
 * token claims, {@link verify} believes it or not. Does no I/O and reads no clock.
 *
 * @example
 * const checker = new TokenChecker({ issuer: 'https://auth.example', audience: 'orders' })
 * const parsed = checker.parse(jwt)
 * const key = keys.get(parsed.header.kid)
 * if (key !== undefined) console.log(checker.verify(parsed, key, Date.now()).claims.sub)
 */
export class TokenChecker {
  readonly #claims: ClaimExpectations
  readonly #algorithms: ReadonlySet<AlgorithmName>
  readonly #typ: string | null
  readonly #maxTokenLength: number
  readonly #check: TokenExpectations['check']
  /** Headers by their exact text. Only a header under a good signature gets in, so strangers cannot fill it. */
  readonly #headers = new Map<string, TokenHeader>()
  readonly #scratch = new Scratch()

  /** @throws {KeyturnError} `expectations_invalid`, `algorithm_unavailable` */
  constructor(expectations: TokenExpectations) {
    const given = completeExpectations(expectations)
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
    const jws = splitCompact(token, this.#maxTokenLength)
    const header = this.#headers.get(jws.header) ?? this.#parseHeader(jws.header)
    return { header, jws } as ParsedToken
  }

  /**
   * Verifies a parsed token with the key of its kid, at a time in milliseconds.
   *
   * @throws {TokenRejected}
   */
  verify(parsed: ParsedToken, key: VerificationKey, nowMs: number): VerifiedToken {
    const { jws } = parsed
    // not the parsed one: a checker with other expectations may have let it pass
    const known = this.#headers.get(jws.header)
    const header = known ?? this.#parseHeader(jws.header)
    if (key.kid !== header.kid || key.expiresAt <= nowMs) throw new TokenRejected('key_unknown')
    if (key.algorithm.name !== header.alg) throw new TokenRejected('key_alg_mismatch')
    const signature = this.#scratch.bytesOf(jws.signature)
    if (signature.length !== key.signatureBytes) throw new TokenRejected('signature_length')
    if (!isSigned(key, jws.signingInput, signature)) throw new TokenRejected('signature_invalid')
    if (known === undefined) this.#remember(jws.header, header)
    const text = this.#scratch.textOf(jws.payload)
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

  #parseHeader(encoded: string): TokenHeader {
    const header = parseJsonObject(Buffer.from(encoded, 'base64url'), HEADER_DEPTH)
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
