/** How often unknown kids may cause a fetch. Counts attempts, so a failing endpoint is not asked more often. */
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
    this.#countedAt += refills * this.#refillMs
    this.#left = Math.min(this.#size, this.#left + refills)
    if (this.#left === 0) return false
    this.#left -= 1
    return true
  }
}
