import type { KeyManager, KeyPolicy } from '@keyturn/keyring'
import type { SeededRandom } from './seeded-random.ts'
import type { SimulatedMachine } from './simulated-machine.ts'
import { SimulatedProcess } from './simulated-process.ts'
import type { SimulatedStorage } from './simulated-storage.ts'
import { SimulatedStore } from './simulated-store.ts'
import type { VirtualTime } from './virtual-time.ts'

/** What a {@link Replica} is placed in. */
export interface Surroundings {
  readonly time: VirtualTime
  readonly random: SeededRandom
  readonly storage: SimulatedStorage
  readonly policy: KeyPolicy
  readonly machine: SimulatedMachine
  readonly sharesClock: boolean
}

/** One process of the authority, and what may be asked of it. */
export class Replica {
  readonly name: string
  readonly process: SimulatedProcess
  readonly machine: SimulatedMachine
  readonly store: SimulatedStore
  readonly policy: KeyPolicy
  /** `undefined` until it has opened the ring. */
  manager: KeyManager | undefined
  /** Since when it has watched the ring without a gap, by the clock that decides. */
  attendedSince: number
  /** Until then, by its monotonic clock, its clocks went apart less than a lead ago. */
  doubtedUntil = Number.NEGATIVE_INFINITY
  /** By how much its clocks went apart since it can last have noticed that: it compares them when it has something to do. */
  unnoticedMs = 0
  /** When it was stopped the last time; `Infinity` when that was in the middle of something. */
  stoppedAt = Number.POSITIVE_INFINITY
  /** How many key pairs it is making. */
  pairsUnderWay = 0
  /** What operators have told it and it has not finished. */
  errands = 0
  /** How many of them may let a key sign before its lead. */
  emergencies = 0
  /** What leaked, by those of them that say that the store did: the keys that it held when they were given. */
  readonly leaks = new Set<ReadonlySet<string>>()
  /** It brings back a ring out of a backup. */
  isRestoring = false

  constructor(name: string, { time, random, storage, policy, machine, sharesClock }: Surroundings) {
    this.name = name
    this.policy = policy
    this.machine = machine
    this.process = new SimulatedProcess(machine, time)
    const describeWriter = () => ({
      name,
      soonestActivation: this.attendedSince + policy.timing.rotationIntervalMs - this.store.clockDoubtMs,
      isOperator: this.errands > 0,
      mayHurry: this.emergencies > 0,
      isRestoring: this.isRestoring,
      mustRevoke: this.#mustRevoke(),
      isInDoubt: this.isInDoubt,
      hasWrongClock: this.clockWrongMs !== 0,
    })
    const { storePollMs: pollMs } = policy.timing
    this.store = new SimulatedStore({
      storage,
      process: this.process,
      time,
      random,
      pollMs,
      sharesClock,
      describeWriter,
    })
    this.attendedSince = this.store.decisiveClock
  }

  /** Its clock is wrong, and it has seen that. */
  get isInDoubt(): boolean {
    return this.clockWrongMs !== 0 && this.machine.monotonicClock < this.doubtedUntil
  }

  /** By how much the wall clock is wrong beyond what every formula reckons with; negative when it is behind. */
  get clockWrongMs(): number {
    const { errorMs } = this.machine
    return Math.abs(errorMs) <= this.policy.timing.clockSkewMs ? 0 : errorMs
  }

  /** With several orders at once nobody knows which of them a write is about. */
  #mustRevoke(): readonly string[] {
    const [leaked, ...more] = this.leaks
    if (leaked === undefined || this.leaks.size < this.emergencies) return []
    return [...leaked].filter((kid) => more.every((other) => other.has(kid)))
  }

  /** Its clock is ahead, and it has no way to know. */
  get isMisled(): boolean {
    return this.clockWrongMs > 0 && !this.isInDoubt
  }
}
