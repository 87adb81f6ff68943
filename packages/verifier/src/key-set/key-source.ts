import type { KeysUnavailable, VerificationKey } from '@keyturn/core'
import type { CircuitState } from './circuit-breaker.ts'
import type { KeySetOrigin } from './held-set.ts'

/**
 * Where a verifier has its keys from. The verifier asks {@link find} for every token, and {@link lookFor} for a kid that is
 * not there.
 */
export interface KeySource {
  /**
   * The key of a kid, out of memory; `undefined` when it is not known or what is known is too old to be believed.
   * Begins the refresh that a timer has missed, as when the machine slept.
   */
  find(kid: string): VerificationKey | undefined
  /**
   * Looks once more for a kid that {@link find} does not know, if that may help. Coalesced and bounded.
   *
   * @throws {KeysUnavailable} when nothing certain can be said of the kid
   */
  lookFor(kid: string): Promise<VerificationKey | undefined>
  /** As {@link lookFor}, for who cannot wait: begins to look, and says what is known now. */
  lookForSoon(kid: string): KeysUnavailable | undefined
  /**
   * Resolves when there are keys, within so many milliseconds.
   *
   * @throws {KeysUnavailable}
   */
  ready(withinMs?: number): Promise<void>
  report(): KeySourceReport
  close(): void
}

/** State of a key source. */
export interface KeySourceReport {
  /** `fresh`; `stale`: past its cache time, or not confirmed by the last attempt, and still used; `unavailable`: nothing that may be used. */
  readonly status: 'fresh' | 'stale' | 'unavailable'
  /** Where the keys in use came from; `undefined` where there are none. */
  readonly source: KeySetOrigin | undefined
  /** Under which root key they are; `undefined` where the set is not signed. */
  readonly rootKid: string | undefined
  /** Where the key set is, without a query, which may hold a secret; `undefined` where the keys are pinned and none is fetched. */
  readonly url: string | undefined
  readonly kids: readonly string[]
  /** Since the keys were last confirmed, also by the process before; `undefined` when they never were. */
  readonly ageSeconds: number | undefined
  /** Whether the endpoint answers, is left alone since it does not, or may be tried again. */
  readonly circuit: CircuitState
  readonly consecutiveFailures: number
  /** Code of the last failure; `undefined` when the last fetch succeeded. */
  readonly lastError: string | undefined
  readonly refreshes: { readonly success: number; readonly failure: number }
}
