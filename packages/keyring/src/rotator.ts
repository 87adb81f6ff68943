import { type Clock, KeyturnError, LATE, orLate } from '@keyturn/core'
import type { KeyringEvent } from './events.ts'
import { FailureStreak } from './failure-streak.ts'
import type { Decision } from './plan.ts'

/** What a {@link Rotator} needs: the work, and when there is more of it. */
export interface RotatorOptions {
  readonly clock: Clock
  /** Does whatever is due. May fail; it is tried again. */
  readonly step: () => Promise<void>
  /** What the last step had to do. */
  readonly due: () => readonly Decision['kind'][]
  /** Milliseconds until something may be due. */
  readonly untilDueMs: () => number
  /** The process was stopped: it is much later than it was going to look. */
  readonly onOverslept: () => void
  readonly onEvent: (event: KeyringEvent) => void
  /** Spreads retries; returns 0 to 1. */
  readonly random: () => number
}

/** A clock that jumps is noticed by looking, so look now and then even if nothing is due. */
const LONGEST_SLEEP_MS = 60_000
/** A busy process is late by less. */
const OVERSLEPT_MS = 1000
/** A large RSA key on a slow machine takes less. */
const STEP_DEADLINE_MS = 30_000
/** Whoever is told to stop has less patience: what comes after has a deadline of its own. */
const STOP_DEADLINE_MS = 5000

/** Keeps the schedule going, whatever happens: a step that fails is retried, and the next one comes in any case. */
export class Rotator {
  readonly #options: RotatorOptions
  #cancel = () => {}
  #dueAt = Number.POSITIVE_INFINITY
  #running: Promise<void> | undefined
  /** Outlives the attempt that began it when it hangs. */
  #step: { readonly work: Promise<void>; isLate: boolean } | undefined
  #again = false
  #state: 'new' | 'started' | 'stopped' = 'new'
  readonly #streak: FailureStreak

  constructor(options: RotatorOptions) {
    this.#options = options
    this.#streak = new FailureStreak(options.clock, options.random)
  }

  /** Failed steps since the last that succeeded. */
  get failures(): number {
    return this.#streak.length
  }

  get lastFailure(): FailureStreak['last'] {
    return this.#streak.last
  }

  /** Begins the schedule. Resolves after the first step, also when that failed. */
  async start(): Promise<void> {
    this.#state = 'started'
    this.wake()
    await this.#running
  }

  /** Looks at once, or right after the step under way, instead of when the timer says. Before the start nothing happens. */
  wake(): void {
    if (this.#state !== 'started') return
    this.#again = this.#running !== undefined
    if (this.#again) return
    this.#cancel()
    if (this.#options.clock.monotonicNow() - this.#dueAt > OVERSLEPT_MS) this.#options.onOverslept()
    this.#running = this.#run()
  }

  /** Tries at once what failed last, since what it failed for may be over. */
  retry(): void {
    if (this.failures > 0) this.wake()
  }

  /** Ends the schedule, and waits for the step under way, five seconds at the most. */
  async stop(): Promise<void> {
    this.#state = 'stopped'
    this.#cancel()
    if (this.#running !== undefined) await orLate(this.#running, this.#options.clock, STOP_DEADLINE_MS)
  }

  async #run(): Promise<void> {
    const delayMs = await this.#attempt()
    this.#running = undefined
    if (this.#state === 'stopped') return
    const woken = this.#again
    this.#again = false
    const sleepMs = woken && this.failures === 0 ? 0 : delayMs
    this.#dueAt = this.#options.clock.monotonicNow() + sleepMs
    this.#cancel = this.#options.clock.setTimer(() => this.wake(), sleepMs)
  }

  /** Says how long to wait for the next attempt. */
  async #attempt(): Promise<number> {
    try {
      await this.#finishStep()
      this.#recovered()
      return Math.min(Math.max(1, this.#options.untilDueMs()), LONGEST_SLEEP_MS)
    } catch (error) {
      return this.#failed(error)
    }
  }

  /**
   * Waits for the step that hangs, or for a new one, but not for ever. A second one beside it would hang as well, and cost a
   * thread and a key. Where the first one writes late after all, that does no harm: the store swaps only what the step set
   * out from, so that others who wrote since are not overwritten, and the ring's own times say what it means.
   */
  async #finishStep(): Promise<void> {
    this.#step ??= this.#beginStep()
    const step = this.#step
    if ((await orLate(step.work, this.#options.clock, STEP_DEADLINE_MS)) !== LATE) return
    if (!step.isLate) this.#awaitLateEnd(step.work)
    step.isLate = true
    throw new KeyturnError('rotation_stalled', 'a step of the schedule does not end', {
      remedy: 'look at the key store and the audit log: one of them does not answer',
    })
  }

  #beginStep() {
    const work = this.#options.step().finally(() => {
      this.#step = undefined
    })
    return { work, isLate: false }
  }

  /** A late success is looked at without waiting for the next retry; a late failure has been told of already. */
  #awaitLateEnd(work: Promise<void>): void {
    work.then(
      () => this.wake(),
      () => {},
    )
  }

  #recovered(): void {
    const failures = this.#streak.end()
    if (failures > 0) this.#options.onEvent({ kind: 'rotation-recovered', failures })
  }

  #failed(error: unknown): number {
    const { due, onEvent } = this.#options
    const failure = this.#streak.add(error)
    onEvent({ kind: 'rotation-failed', due: due(), ...failure })
    return failure.retryInMs
  }
}
