/**
 * How often unknown kids may cause a fetch: `size` at once, and one more every `refillMs`. Counts attempts, so a failing
 * endpoint is not asked more often.
 */
export class RefetchBudget {
  readonly #size: number
  readonly #refillMs: number
  #left: number
  #countedAt: number

  constructor(options: { readonly size: number; readonly refillMs: number; readonly nowMs: number }) {
    this.#size = options.size
    this.#refillMs = options.refillMs
    this.#left = options.size
    this.#countedAt = options.nowMs
  }

  /** Takes one attempt; `false` when none is left. */
  take(nowMs: number): boolean {
    const refills = Math.floor((nowMs - this.#countedAt) / this.#refillMs)
    this.#left = Math.min(this.#size, this.#left + refills)
    // a full budget begins to refill when it is drawn on: time before that must not count twice
    this.#countedAt = this.#left === this.#size ? nowMs : this.#countedAt + refills * this.#refillMs
    if (this.#left === 0) return false
    this.#left -= 1
    return true
  }
}
