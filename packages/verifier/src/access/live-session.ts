import type { Session } from '@keyturn/core'
import type { TokenVerifier } from '../token-verifier.ts'
import type { TokenEnd } from '../token-watch.ts'
import {
  type BearerAdmission,
  type BearerGuard,
  type BearerOutcome,
  isRefusal,
  orInternalError,
} from './bearer.ts'

/** What a {@link LiveSession} goes by. */
export interface LiveSessionOptions {
  readonly verifier: TokenVerifier
  readonly guard: BearerGuard
  readonly admission: BearerAdmission
  /** Told once, when the token in force is not good any more. */
  readonly onEnd: (reason: TokenEnd) => void
}

/** Who speaks on a connection that outlives its token, which another of the same caller may follow. */
export class LiveSession {
  readonly #options: LiveSessionOptions
  #session: Session
  #unwatch: () => void
  #isRenewing = false
  #isOver = false

  constructor(options: LiveSessionOptions) {
    this.#options = options
    this.#session = options.admission.session
    this.#unwatch = this.#watch(options.admission)
  }

  /** Of the token in force. */
  get session(): Session {
    return this.#session
  }

  /**
   * Puts another token in force, by the same rules and of the same issuer, subject, client and kind. A refusal changes
   * nothing: the token in force stays so until its end, also while another is being looked at. One at a time.
   */
  async renew(jwt: unknown): Promise<BearerOutcome> {
    const { guard } = this.#options
    if (this.#isOver) return guard.refused('session_over')
    if (this.#isRenewing) return guard.refused('authentication_pending')
    this.#isRenewing = true
    try {
      const outcome = await orInternalError(guard.decideOnToken(jwt))
      return isRefusal(outcome) ? outcome : this.#replaceBy(outcome)
    } finally {
      this.#isRenewing = false
    }
  }

  /** Ends the session without a word: the connection has gone. Idempotent. */
  close(): void {
    this.#isOver = true
    this.#unwatch()
  }

  #replaceBy(admission: BearerAdmission): BearerOutcome {
    const { guard } = this.#options
    // it may have ended while the other token was being looked at
    if (this.#isOver) return guard.refused('session_over')
    if (!isSameCaller(admission.session, this.#session)) return guard.refused('caller_changed')
    this.#unwatch()
    this.#session = admission.session
    this.#unwatch = this.#watch(admission)
    return admission
  }

  #watch({ token }: BearerAdmission): () => void {
    const { verifier, onEnd } = this.#options
    return verifier.watch(token, (reason) => {
      this.#isOver = true
      onEnd(reason)
    })
  }
}

function isSameCaller(one: Session, other: Session): boolean {
  const names = ['iss', 'sub', 'client_id'] as const
  return one.kind === other.kind && names.every((name) => one.claims[name] === other.claims[name])
}
