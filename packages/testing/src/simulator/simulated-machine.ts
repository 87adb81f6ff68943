import type { VirtualTime } from './virtual-time.ts'

/**
 * A machine on which processes run: its wall clock is wrong by a little and can be set, and all of it can sleep. While it
 * sleeps the wall clock goes on and the monotonic one does not, as on Linux.
 */
export class SimulatedMachine {
  /** By how much the wall clock was ahead when it was wrong the last time. */
  lastWrongMs = Number.POSITIVE_INFINITY
  /** By how much it was ahead when it was right the last time. */
  lastRightMs: number
  /** By how much its clock was set since it fell asleep. */
  setAsleepMs = 0
  readonly #time: VirtualTime
  #errorMs: number
  #sleptMs = 0
  #asleepSince: number | undefined
  readonly #held: (() => void)[] = []

  constructor(time: VirtualTime, errorMs: number) {
    this.#time = time
    this.#errorMs = errorMs
    this.lastRightMs = errorMs
  }

  /** By how much the wall clock is ahead. */
  get errorMs(): number {
    return this.#errorMs
  }

  get wallClock(): number {
    return Math.round(this.#time.now + this.#errorMs)
  }

  get monotonicClock(): number {
    return (this.#asleepSince ?? this.#time.now) - this.#sleptMs
  }

  get isAsleep(): boolean {
    return this.#asleepSince !== undefined
  }

  /** Sets the wall clock: by so much it is ahead from now on. */
  setClock(errorMs: number): void {
    this.#errorMs = errorMs
  }

  sleep(): void {
    this.#asleepSince ??= this.#time.now
  }

  /** Wakes up, and says how long it slept. */
  wake(): number {
    const sleptMs = this.#time.now - (this.#asleepSince ?? this.#time.now)
    this.#sleptMs += sleptMs
    this.#asleepSince = undefined
    this.setAsleepMs = 0
    for (const action of this.#held.splice(0)) this.#time.schedule(0, () => this.whenAwake(action))
    return sleptMs
  }

  /** Does something now, or when the machine wakes. */
  whenAwake(action: () => void): void {
    if (this.isAsleep) this.#held.push(action)
    else action()
  }
}
