/** `closed`: the endpoint answers; `open`: it is left alone for a while; `half-open`: one question may find out. */
export type CircuitState = 'closed' | 'open' | 'half-open'

const FIRST_RETRY_MS = 1000
const LONGEST_RETRY_MS = 30_000
const SHORTEST_RETRY_MS = 100

/**
 * Keeps a key set's endpoint that fails from being asked by everybody who would like to know. Times are of the monotonic clock.
 */
export class CircuitBreaker {
  readonly #random: () => number
  #failures = 0
  #retryAt = Number.NEGATIVE_INFINITY

  /** `random` spreads retries; returns 0 to 1. */
  constructor(random: () => number) {
    this.#random = random
  }

  /** How many questions have failed since the last answer. */
  get failures(): number {
    return this.#failures
  }

  stateAt(nowMs: number): CircuitState {
    if (this.#failures === 0) return 'closed'
    return nowMs < this.#retryAt ? 'open' : 'half-open'
  }

  /** How long the endpoint is to be left alone. */
  waitMs(nowMs: number): number {
    return Math.max(0, this.#retryAt - nowMs)
  }

  noteSuccess(): void {
    this.#failures = 0
    this.#retryAt = Number.NEGATIVE_INFINITY
  }

  /** Says when to try again: after a time up to twice as long as before, with full jitter. */
  noteFailure(nowMs: number): number {
    const ceilingMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(this.#failures, 10), LONGEST_RETRY_MS)
    const retryInMs = Math.max(SHORTEST_RETRY_MS, ceilingMs * this.#random())
    this.#failures += 1
    this.#retryAt = nowMs + retryInMs
    return retryInMs
  }
}
