/**
 * Base of every error that Keyturn throws on purpose. Callers branch on `code`; the message is for people, and never
 * holds a token, a claim's value, key material or unescaped input.
 *
 * @example
 * try { await keys.rotate() } catch (error) {
 *   if (error instanceof KeyturnError && error.code === 'rotation_too_early') retryLater()
 * }
 */
export class KeyturnError extends Error {
  override readonly name: string = 'KeyturnError'
  /** Stable, snake_case. */
  readonly code: string
  /** What the reader can do about it, where there is something. */
  readonly remedy: string | undefined

  constructor(code: string, message: string, options: { remedy?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.remedy = options.remedy
  }
}

/** Every reason for which a token is refused, with what was expected instead. */
export const TOKEN_REJECTIONS = Object.freeze({
  token_not_a_string: 'expected the token as a string',
  token_too_long: 'expected a shorter token',
  token_malformed: 'expected three base64url parts with two dots between them (RFC 7515, section 7.1)',
  token_json_serialized: 'expected the compact serialization, not the JSON serialization',
  token_encrypted: 'expected a signed token, not an encrypted one',
  token_detached_payload: 'expected the payload inside the token',
  token_unencoded_payload: 'expected a base64url payload (b64 is not understood)',
  token_nested: 'expected claims in the token, not another token',
  token_not_canonical: 'expected canonical base64url: no padding, unused bits zero',
  header_malformed: 'expected the header to be a JSON object in UTF-8, shallow, each member once',
  header_alg_refused: 'expected alg to be one of the configured algorithms',
  header_kid_refused: 'expected kid to be a string of 1 to 256 characters',
  header_crit_refused: 'expected no crit: no extension is understood',
  header_typ_refused: 'expected the typ of the configured kind of token',
  key_unknown: 'expected a kid of the published key set',
  key_alg_mismatch: 'expected alg to be the algorithm of the key',
  signature_length: 'expected a signature of the length that the key makes',
  signature_invalid: 'expected a signature made by the key that kid names',
  payload_malformed: 'expected the payload to be a JSON object in UTF-8, each top-level member once',
  claim_missing: 'expected a claim that the profile requires',
  claim_malformed: 'expected a claim of the right type and range',
  issuer_mismatch: 'expected iss to be the configured issuer',
  audience_mismatch: 'expected aud to contain the configured audience',
  token_expired: 'expected exp to be in the future',
  token_not_yet_valid: 'expected nbf to be in the past',
  token_issued_in_future: 'expected iat to be in the past',
  token_too_old: 'expected iat to be more recent',
  token_lifetime_too_long: 'expected a shorter time between iat and exp',
  check_failed: "expected the caller's own check to accept the token",
} as const)

/** A key of {@link TOKEN_REJECTIONS}. */
export type TokenRejectionCode = keyof typeof TOKEN_REJECTIONS

/** The token is bad: answer 401 (RFC 6750, `invalid_token`). Fetching keys again would not make it good. */
export class TokenRejected extends KeyturnError {
  override readonly name = 'TokenRejected'
  declare readonly code: TokenRejectionCode
  /** The claim that is at fault, when one is. */
  readonly claim: string | undefined

  constructor(code: TokenRejectionCode, options: { claim?: string; remedy?: string; cause?: unknown } = {}) {
    const about = options.claim === undefined ? '' : ` (${options.claim})`
    super(code, `token refused: ${TOKEN_REJECTIONS[code]}${about}`, options)
    this.claim = options.claim
  }
}

/** The keys cannot be had now, so nothing can be said of the token: answer 503 with `Retry-After`. */
export class KeysUnavailable extends KeyturnError {
  override readonly name = 'KeysUnavailable'
  declare readonly code: 'keys_unavailable'
  /** When asking again can make sense, in whole seconds, at least 1. */
  readonly retryAfterSeconds: number

  constructor(
    message: string,
    options: { retryAfterSeconds?: number; remedy?: string; cause?: unknown } = {},
  ) {
    super('keys_unavailable', message, {
      remedy: options.remedy ?? 'check that the key set URL answers from this machine',
      cause: options.cause,
    })
    this.retryAfterSeconds = Math.max(1, Math.ceil(options.retryAfterSeconds ?? 5))
  }
}
