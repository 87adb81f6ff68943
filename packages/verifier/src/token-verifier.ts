import type { Session, VerifiedToken } from '@keyturn/core'
import type { TokenEnd } from './token-watch.ts'

/** What a guard asks of a verifier, whether that is of one issuer or of several. */
export interface TokenVerifier {
  /**
   * Verifies a token.
   *
   * @throws {TokenRejected} the token is bad: answer 401
   * @throws {KeysUnavailable} the keys cannot be had: answer 503
   */
  verify(jwt: unknown): Promise<VerifiedToken>
  /** As {@link verify}, without waiting. */
  verifySync(jwt: unknown): VerifiedToken
  /** Who speaks, according to a verified token. */
  session(token: VerifiedToken): Session
  /** Tells once when a token that was verified here would be refused. Gives what ends the watch. */
  watch(token: VerifiedToken, onEnd: (reason: TokenEnd) => void): () => void
}
