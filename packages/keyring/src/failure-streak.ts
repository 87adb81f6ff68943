import { type Clock, errorCodeOf } from '@keyturn/core'
import { backOffMs } from './back-off.ts'

/** What there is to tell of a failure. */
export interface Failure {
  readonly code: string
  /** How many there were in a row, with this one. */
  readonly failures: number
  /** How long to wait before the next attempt, in milliseconds. */
  readonly retryInMs: number
}

/** Counts the failures in a row of what is tried again and again, and says when to try next. */
export class FailureStreak {
  readonly #clock: Clock
  readonly #random: () => number
  #length = 0
  #last: { readonly code: string; readonly at: number } | undefined

  /** @param random Spreads retries; returns 0 to 1. */
  constructor(clock: Clock, random: () => number) {
    this.#clock = clock
    this.#random = random
  }

  /** Failures since the last success. */
  get length(): number {
    return this.#length
  }

  /** The last failure, also after a success; wall clock in milliseconds. */
  get last(): { readonly code: string; readonly at: number } | undefined {
    return this.#last
  }

  /** Takes note of a failure. */
  add(error: unknown): Failure {
    const retryInMs = backOffMs(this.#length, this.#random())
    const code = errorCodeOf(error)
    this.#length += 1
    this.#last = { code, at: this.#clock.now() }
    return { code, failures: this.#length, retryInMs }
  }

  /** Takes note of a success; says how many failures came before it. */
  end(): number {
    const ended = this.#length
    this.#length = 0
    return ended
  }
}
