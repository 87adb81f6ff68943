import { TokenRejected, type TokenRejectionCode } from './errors.ts'
import type { JwkOptions, VerificationKey } from './jwk.ts'
import {
  assertSize,
  JWK_SET_LIMITS,
  type JwkSet,
  type JwkSetRefusalCode,
  JwkSetRefused,
  jwkSetOf,
} from './jwk-set.ts'
import { TokenChecker, type VerifiedToken } from './token.ts'

/** `typ` of a signed key set (OpenID Federation 1.0, section 5.2.1.1). */
export const SIGNED_JWK_SET_TYP = 'jwk-set+jwt'

/** What the claims of a signed key set are, beside those of the set itself. */
export interface SignedJwkSetClaims {
  /** Whose tokens the keys sign. */
  readonly iss: string
  /** The same: an authority speaks for itself. */
  readonly sub: string
  /** Whole seconds since the epoch. */
  readonly iat: number
  /** Nothing of the set may be used from then on. */
  readonly exp: number
}

/** What a signed key set must be. */
export interface SignedJwkSetExpectations {
  readonly issuer: string
  /** Keys one of which must have signed the set, by their kid. */
  readonly roots: ReadonlyMap<string, VerificationKey>
  /** How far clocks may differ, 0 to 60 seconds. Default 5. */
  readonly clockToleranceSeconds?: number
  /** Which keys of the set may be used. */
  readonly jwk?: JwkOptions
}

/** What the refusal of a token says of a signed set; whatever is not here is no signed set. */
const CODES: Partial<Readonly<Record<TokenRejectionCode, JwkSetRefusalCode>>> = Object.freeze({
  key_unknown: 'key_set_root_unknown',
  key_alg_mismatch: 'key_set_signature_invalid',
  signature_length: 'key_set_signature_invalid',
  signature_invalid: 'key_set_signature_invalid',
  issuer_mismatch: 'key_set_issuer_mismatch',
  // that sub is the issuer, too
  check_failed: 'key_set_issuer_mismatch',
  token_issued_in_future: 'key_set_from_future',
  token_not_yet_valid: 'key_set_from_future',
  token_expired: 'key_set_expired',
})
const EXPECTATIONS: Readonly<Partial<Record<JwkSetRefusalCode, string>>> = Object.freeze({
  key_set_root_unknown: 'expected the signature of a pinned root key',
  key_set_signature_invalid: 'expected a signature that the root key made',
  key_set_issuer_mismatch: 'expected iss and sub to be the configured issuer',
  key_set_from_future: 'expected iat to be in the past',
  key_set_expired: 'expected exp to be in the future',
})

/**
 * Takes key sets that a root key has signed, from bytes that anyone may have written. A signed set is a JWS like a token, and is
 * held to the same profile; so it is checked as one, of another kind.
 *
 * @example
 * const reader = new SignedJwkSetReader({ issuer: 'https://auth.example', roots: parseJwkSet(pinned).keys })
 * const set = reader.read(await readFile('jwks.jwt'), Date.now())
 */
export class SignedJwkSetReader {
  readonly #checker: TokenChecker
  readonly #roots: ReadonlyMap<string, VerificationKey>
  readonly #jwk: JwkOptions

  /** @throws {KeyturnError} `expectations_invalid` */
  constructor({ issuer, roots, clockToleranceSeconds, jwk = {} }: SignedJwkSetExpectations) {
    this.#roots = roots
    this.#jwk = jwk
    this.#checker = new TokenChecker({
      issuer,
      audience: null,
      typ: SIGNED_JWK_SET_TYP,
      requiredClaims: ['iat', 'sub'],
      maxTokenLength: JWK_SET_LIMITS.bytes,
      check: ({ sub }) => sub === issuer,
      ...(clockToleranceSeconds !== undefined && { clockToleranceSeconds }),
    })
  }

  /** @throws {JwkSetRefused} when no set of the issuer, signed by a root and not over, or no usable key, comes out of it */
  read(document: Uint8Array, nowMs: number): JwkSet {
    assertSize(document)
    const signed = this.#verify(document, nowMs)
    const { claims, header } = signed
    const signature = {
      rootKid: header.kid,
      // required above; only the type cannot say so
      issuedAt: (claims.iat ?? 0) * 1000,
      expiresAt: this.#checker.endOf(signed).atSeconds * 1000,
    }
    return jwkSetOf(claims, this.#jwk, Object.freeze(signature))
  }

  #verify(document: Uint8Array, nowMs: number): VerifiedToken {
    try {
      const parsed = this.#checker.parse(Buffer.from(document).toString('latin1'))
      const root = this.#roots.get(parsed.header.kid)
      if (root === undefined) throw new TokenRejected('key_unknown')
      return this.#checker.verify(parsed, root, nowMs)
    } catch (cause) {
      throw cause instanceof TokenRejected ? refusalFor(cause) : cause
    }
  }
}

function refusalFor(cause: TokenRejected): JwkSetRefused {
  const code = CODES[cause.code] ?? 'key_set_not_signed'
  const expected = EXPECTATIONS[code] ?? `expected a JWS of typ ${SIGNED_JWK_SET_TYP} (${cause.code})`
  return new JwkSetRefused(code, expected, { cause })
}
