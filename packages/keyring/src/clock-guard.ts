import type { Clock } from '@keyturn/core'

const LEAST_TOLERANCE_MS = 1000

/** What a {@link ClockGuard} sees. */
export interface ClockLook {
  /** Wall clock. */
  readonly now: number
  /** Since when the ring has been attended. */
  readonly wokeAt: number
  /** The clocks have agreed for the hold time. */
  readonly trusted: boolean
  /** By how much they went apart since the last look; 0 unless by more than the tolerance. */
  readonly jumpedByMs: number
}

/**
 * Watches whether the wall clock runs as the monotonic one does. A jump (a step of NTP, a machine that slept) puts the
 * wall clock in doubt until the two have agreed for the hold time.
 */
export class ClockGuard {
  readonly #clock: Clock
  readonly #toleranceMs: number
  readonly #holdMs: number
  #wall: number
  #monotonic: number
  #doubtedUntil = Number.NEGATIVE_INFINITY
  #wokeAt: number

  constructor(clock: Clock, options: { readonly toleranceMs: number; readonly holdMs: number }) {
    this.#clock = clock
    this.#toleranceMs = Math.max(options.toleranceMs, LEAST_TOLERANCE_MS)
    this.#holdMs = options.holdMs
    this.#wall = clock.now()
    this.#monotonic = clock.monotonicNow()
    this.#wokeAt = this.#wall
  }

  /** Since when the ring has been attended: the start of the process, or when it last came back from a sleep. */
  get wokeAt(): number {
    return this.#wokeAt
  }

  /** Takes note that nobody attended to the ring until now. */
  noteWake(): void {
    this.#wokeAt = this.#clock.now()
  }

  /** Compares the clocks. */
  look(): ClockLook {
    const now = this.#clock.now()
    const monotonic = this.#clock.monotonicNow()
    const apart = this.#apart(now, monotonic)
    const jumped = Math.abs(apart) > this.#toleranceMs
    this.#wall = now
    this.#monotonic = monotonic
    if (jumped) {
      this.#doubtedUntil = monotonic + this.#holdMs
      this.#wokeAt = now
    }
    return {
      now,
      wokeAt: this.#wokeAt,
      trusted: monotonic >= this.#doubtedUntil,
      jumpedByMs: jumped ? apart : 0,
    }
  }

  /** The clocks went apart, now or less than the hold time ago. Takes no note of it. */
  get isInDoubt(): boolean {
    const apart = this.#apart(this.#clock.now(), this.#clock.monotonicNow())
    return this.doubtMs > 0 || Math.abs(apart) > this.#toleranceMs
  }

  /** How long the wall clock stays in doubt, in milliseconds; 0 when it is not. */
  get doubtMs(): number {
    return Math.max(0, this.#doubtedUntil - this.#clock.monotonicNow())
  }

  /** By how much more the wall clock went on than the monotonic one since the last look. */
  #apart(wall: number, monotonic: number): number {
    return wall - this.#wall - (monotonic - this.#monotonic)
  }
}
