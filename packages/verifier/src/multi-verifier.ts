import {
  claimedIssuer,
  DEFAULT_MAX_TOKEN_LENGTH,
  KeysUnavailable,
  ownOptions,
  type Session,
  sessionOf,
  TokenRejected,
  type VerifiedToken,
} from '@keyturn/core'
import { publishRefusal } from './event-channels.ts'
import { optionInvalid } from './option-invalid.ts'
import type { TokenVerifier } from './token-verifier.ts'
import type { TokenEnd } from './token-watch.ts'
import { createVerifier, type Verifier, type VerifierHealth } from './verifier.ts'
import type { VerifierOptions } from './verifier-options.ts'

/** State of a verifier of several issuers. */
export interface MultiVerifierHealth {
  readonly issuers: Readonly<Record<string, VerifierHealth>>
  /** Tokens that were refused before it was known whose they are, by code; `issuer_mismatch` for an issuer that is not ours. */
  readonly unassigned: Readonly<Record<string, number>>
}

/**
 * Makes a verifier of tokens of several issuers. Each has its own keys and options, as in {@link createVerifier}, and no part in
 * what becomes of the others. Does no I/O.
 *
 * @throws {KeyturnError} as {@link createVerifier}; `verifier_options_invalid` also for no issuer, and for one that is named twice
 *
 * @example
 * const verifier = createMultiVerifier([
 *   { issuer: 'https://staff.example', audience: 'orders' },
 *   { issuer: 'https://customers.example', audience: 'orders', maxAgeSeconds: 600 },
 * ])
 */
export function createMultiVerifier(issuers: readonly VerifierOptions[]): MultiVerifier {
  return new MultiVerifier(issuers)
}

/** Verifies tokens of several issuers, each by the keys and the policy of the one that it names, and by no other. */
export class MultiVerifier implements TokenVerifier {
  readonly #verifiers = new Map<string, Verifier>()
  readonly #maxTokenLength: number
  readonly #unassigned = new Map<string, number>()

  /** See {@link createMultiVerifier}. */
  constructor(issuers: readonly VerifierOptions[]) {
    if (!Array.isArray(issuers) || issuers.length === 0) {
      throw optionInvalid('issuers', 'a list of at least one')
    }
    const own = issuers.map((options) => ownOptions(options, 'verifier_options_invalid'))
    for (const options of own) {
      const verifier = createVerifier(options)
      if (this.#verifiers.has(options.issuer)) {
        throw optionInvalid('issuer', 'each issuer once')
      }
      this.#verifiers.set(options.issuer, verifier)
    }
    const lengths = own.map(({ maxTokenLength }) => maxTokenLength ?? DEFAULT_MAX_TOKEN_LENGTH)
    this.#maxTokenLength = Math.max(...lengths)
  }

  /**
   * Resolves when it has been seen of every issuer whether its keys can be had, within `withinSeconds` as in {@link Verifier.ready}.
   * One that fails keeps no service from its start: its tokens alone are `KeysUnavailable`, until its keys come.
   *
   * @throws {KeysUnavailable} when the keys of none can be had
   */
  async ready(options: { readonly withinSeconds?: number } = {}): Promise<void> {
    const verifiers = [...this.#verifiers.values()]
    const outcomes = await Promise.allSettled(verifiers.map((verifier) => verifier.ready(options)))
    const failures = outcomes.filter((outcome) => outcome.status === 'rejected')
    const bug = failures.find(({ reason }) => !(reason instanceof KeysUnavailable))
    if (bug !== undefined) throw bug.reason
    if (failures.length === outcomes.length) throw soonest(failures.map(({ reason }) => reason))
  }

  /**
   * Verifies a token by the issuer that it names.
   *
   * @throws {TokenRejected} the token is bad: answer 401
   * @throws {KeysUnavailable} the keys of its issuer cannot be had: answer 503
   */
  async verify(jwt: unknown): Promise<VerifiedToken> {
    return await this.#verifierFor(jwt).verify(jwt)
  }

  /** As {@link verify}, without waiting; see {@link Verifier.verifySync}. */
  verifySync(jwt: unknown): VerifiedToken {
    return this.#verifierFor(jwt).verifySync(jwt)
  }

  /** Who speaks, according to a verified token. A `sub` says nothing without its `iss`: both are in `claims`. */
  session(token: VerifiedToken): Session {
    return sessionOf(token)
  }

  /**
   * See {@link Verifier.watch}.
   *
   * @throws {TokenRejected} `issuer_mismatch`: it was not verified here
   */
  watch(token: VerifiedToken, onEnd: (reason: TokenEnd) => void): () => void {
    return this.#verifierOf(token.claims.iss).watch(token, onEnd)
  }

  health(): MultiVerifierHealth {
    const issuers = [...this.#verifiers].map(([issuer, verifier]) => [issuer, verifier.health()] as const)
    return { issuers: Object.fromEntries(issuers), unassigned: Object.fromEntries(this.#unassigned) }
  }

  /** Stops refreshing. Idempotent. */
  close(): void {
    for (const verifier of this.#verifiers.values()) verifier.close()
  }

  #verifierFor(jwt: unknown): Verifier {
    try {
      return this.#verifierOf(claimedIssuer(jwt, this.#maxTokenLength))
    } catch (error) {
      if (error instanceof TokenRejected) {
        this.#unassigned.set(error.code, (this.#unassigned.get(error.code) ?? 0) + 1)
        publishRefusal(undefined, error)
      }
      throw error
    }
  }

  #verifierOf(issuer: string): Verifier {
    const verifier = this.#verifiers.get(issuer)
    if (verifier === undefined) throw new TokenRejected('issuer_mismatch')
    return verifier
  }
}

function soonest(failures: readonly KeysUnavailable[]): KeysUnavailable {
  return failures.reduce((one, other) => (other.retryAfterSeconds < one.retryAfterSeconds ? other : one))
}
