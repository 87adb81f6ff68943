import type { Clock } from '@keyturn/core'
import type { VirtualTime } from './virtual-time.ts'

/**
 * A machine on which a replica runs: its clock is wrong by a little, and a process that is stopped does not know how long. What a machine has begun dies with it.
 */
export class SimulatedMachine {
  readonly name: string
  readonly #time: VirtualTime
  readonly #offsetMs: number
  #isAlive = true
  #held: (() => void)[] | undefined

  constructor(name: string, time: VirtualTime, offsetMs: number) {
    this.name = name
    this.#time = time
    this.#offsetMs = offsetMs
  }

  readonly clock: Clock = {
    now: () => Math.round(this.#time.now + this.#offsetMs),
    monotonicNow: () => this.#time.now,
    setTimer: (callback, delayMs) => this.#time.schedule(delayMs, () => this.whenRunning(callback)),
  }

  /** Stopped by SIGSTOP, or by a hypervisor: it does nothing, and does not know. */
  get isPaused(): boolean {
    return this.#held !== undefined
  }

  get isRunning(): boolean {
    return this.#isAlive && !this.isPaused
  }

  get offsetMs(): number {
    return this.#offsetMs
  }

  /** Does something now, or once the machine goes on, or never when it is dead. */
  whenRunning(action: () => void): void {
    if (!this.#isAlive) return
    if (this.#held === undefined) action()
    else this.#held.push(action)
  }

  pause(): void {
    this.#held ??= []
  }

  resume(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const action of held) this.#time.schedule(0, () => this.whenRunning(action))
  }

  kill(): void {
    this.#isAlive = false
    this.#held = undefined
  }
}
