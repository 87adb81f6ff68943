import { type Clock, elapsedMs, type Instant, instantOf } from '@keyturn/core'

/** When the next refresh is due. The timer waits while the machine sleeps, so whoever asks for a key after that looks too. */
export class RefreshTimer {
  readonly #clock: Clock
  readonly #refresh: () => void
  #cancel = () => {}
  #due: { readonly from: Instant; readonly inMs: number } | undefined

  constructor(clock: Clock, refresh: () => void) {
    this.#clock = clock
    this.#refresh = refresh
  }

  /** Takes the place of what was set before. */
  set(inMs: number): void {
    this.clear()
    this.#due = { from: instantOf(this.#clock), inMs }
    this.#cancel = this.#clock.setTimer(this.#refresh, inMs)
  }

  /** Nothing is due any more. Idempotent. */
  clear(): void {
    this.#cancel()
    this.#due = undefined
  }

  isOverdue(now: Instant): boolean {
    return this.#due !== undefined && elapsedMs(this.#due.from, now) > this.#due.inMs
  }
}
