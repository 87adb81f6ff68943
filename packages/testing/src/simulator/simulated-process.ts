import type { Clock } from '@keyturn/core'
import type { SimulatedMachine } from './simulated-machine.ts'
import type { VirtualTime } from './virtual-time.ts'

/** A process of the authority, as the kernel has it: it can be stopped without knowing, and what it began dies with it. */
export class SimulatedProcess {
  readonly machine: SimulatedMachine
  readonly #time: VirtualTime
  #isAlive = true
  #held: (() => void)[] | undefined

  constructor(machine: SimulatedMachine, time: VirtualTime) {
    this.machine = machine
    this.#time = time
  }

  readonly clock: Clock = {
    now: () => this.machine.wallClock,
    monotonicNow: () => this.machine.monotonicClock,
    setTimer: (callback, delayMs) => this.#setTimer(callback, delayMs),
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  /** Stopped by SIGSTOP, or by a debugger. */
  get isStopped(): boolean {
    return this.#held !== undefined
  }

  get isRunning(): boolean {
    return this.#isAlive && !this.isStopped && !this.machine.isAsleep
  }

  /** Does something now, or once the process goes on, or never when it is dead. */
  whenRunning(action: () => void): void {
    this.machine.whenAwake(() => {
      if (!this.#isAlive) return
      if (this.#held === undefined) action()
      else this.#held.push(action)
    })
  }

  stop(): void {
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

  /** A timer goes by the monotonic clock, so that it is late by as long as the machine slept. */
  #setTimer(callback: () => void, delayMs: number): () => void {
    const { machine } = this
    const dueAt = machine.monotonicClock + Math.max(0, Math.round(delayMs))
    let isCancelled = false
    let cancel = () => {}
    const arm = () => {
      cancel = this.#time.schedule(dueAt - machine.monotonicClock, () => this.whenRunning(ring))
    }
    const ring = () => {
      if (isCancelled) return
      if (machine.monotonicClock < dueAt) arm()
      else callback()
    }
    arm()
    return () => {
      isCancelled = true
      cancel()
    }
  }
}
