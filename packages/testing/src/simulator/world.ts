import {
  KeyManager,
  type KeyPair,
  type KeyPolicy,
  type KeyRing,
  type KeyringEvent,
  leadOf,
} from '@keyturn/keyring'
import { Crowd } from './crowd.ts'
import { History } from './history.ts'
import { pooledPair } from './pair-pool.ts'
import { Replica } from './replica.ts'
import type { SeededRandom } from './seeded-random.ts'
import { SimulatedMachine } from './simulated-machine.ts'
import { SimulatedStorage } from './simulated-storage.ts'
import type { Violation } from './violation.ts'
import { VirtualTime } from './virtual-time.ts'

/** Sees everything that happens. */
export interface Observer {
  /** Called right before every event, and right after it. */
  observe(world: World, when: 'before' | 'after'): void
  /** No clock is wrong, nor was lately. */
  isSettled(world: World): boolean
}

/** What a {@link World} is made of. */
export interface WorldOptions {
  readonly random: SeededRandom
  readonly policy: KeyPolicy
  /** Several machines with clocks of their own, as with a database; or one machine, as with files. */
  readonly machines: 'one' | 'many'
  readonly observer: Observer
}

const START_MS = Date.UTC(2026, 0, 1)
const LONGEST_KEYGEN_MS = 800

/** Replicas, their machines and their storage, and everybody who verifies. */
export class World {
  readonly time = new VirtualTime(START_MS, (when) => this.#observer.observe(this, when))
  readonly history = new History(START_MS)
  readonly storage = new SimulatedStorage()
  readonly crowd = new Crowd(this.history.nameOf)
  readonly random: SeededRandom
  readonly replicas: Replica[] = []
  /** Processes of the command line. */
  readonly visitors: Replica[] = []
  readonly violations: Violation[] = []
  /** What an operator has put aside, and when a ring that came out of it may sign without a token being refused. */
  backup: KeyRing | undefined
  knownEverywhereAt = Number.NEGATIVE_INFINITY
  /** For how much longer than a restored ring says sets may be in use: by settings between its backup and these nobody can know of. */
  unknowableMs = 0
  /** Some clock has been set wrong. */
  hasSetClocks = false
  /** Of all settings that there were. */
  longestLeadMs = 0
  readonly #observer: Observer
  readonly #sharedMachine: SimulatedMachine | undefined
  #policy: KeyPolicy
  #count = 0
  #pairs = 0

  constructor({ random, policy, machines, observer }: WorldOptions) {
    this.random = random
    this.#observer = observer
    this.#policy = policy
    this.policy = policy
    this.#sharedMachine = machines === 'one' ? this.#build() : undefined
  }

  /** What a replica is started with from now on. */
  get policy(): KeyPolicy {
    return this.#policy
  }

  set policy(policy: KeyPolicy) {
    this.#policy = policy
    this.longestLeadMs = Math.max(this.longestLeadMs, leadOf(policy.timing))
  }

  get isOver(): boolean {
    return this.violations.length > 0
  }

  /** No clock is wrong, nor was lately. */
  get isSettled(): boolean {
    return this.#observer.isSettled(this)
  }

  /** Every process, those of the command line too. */
  get processes(): readonly Replica[] {
    return [...this.replicas, ...this.visitors]
  }

  /** Every machine on which a process runs or could be started. */
  get machines(): readonly SimulatedMachine[] {
    const shared = this.#sharedMachine === undefined ? [] : [this.#sharedMachine]
    return [...new Set([...shared, ...this.processes.map(({ machine }) => machine)])]
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    await this.time.runUntil(this.time.now + ms, () => this.isOver)
  }

  /** Writes down what happened, for a person to read. */
  note(who: string, what: string): void {
    if (!this.isOver) this.history.note(this.time.now, who, what)
  }

  /** Writes down that a promise does not hold. */
  complain(...complaints: readonly Violation[]): void {
    for (const complaint of complaints) {
      if (this.violations.some(({ message }) => message === complaint.message)) continue
      this.violations.push(complaint)
      this.history.note(this.time.now, '-', `VIOLATION of ${complaint.id}: ${complaint.message}`)
    }
  }

  /** Starts a process of the authority; on a new machine, where each has its own. */
  start(machine?: SimulatedMachine): void {
    const replica = this.#place(`r${++this.#count}`, machine)
    this.replicas.push(replica)
    this.note(replica.name, 'starts')
    // nothing starts on a machine that sleeps
    replica.process.whenRunning(() => this.#serve(replica))
  }

  /** Ends a process without a word. */
  kill(replica: Replica): void {
    replica.process.kill()
    const index = this.replicas.indexOf(replica)
    if (index < 0) return
    this.replicas.splice(index, 1)
    this.note(replica.name, 'dies')
  }

  /** Starts a process of the command line. */
  visit(): Replica {
    const visitor = this.#place(`c${++this.#count}`)
    this.visitors.push(visitor)
    return visitor
  }

  /** Opens the ring in a process of the command line, which creates nothing. */
  async open(visitor: Replica): Promise<KeyManager> {
    return await KeyManager.open({ ...this.#openOptions(visitor), serving: false })
  }

  /** Ends a process of the command line, with whatever it was doing. */
  leave(visitor: Replica): void {
    visitor.process.kill()
    if (this.visitors.includes(visitor)) this.visitors.splice(this.visitors.indexOf(visitor), 1)
  }

  /** A key pair that nobody in this world has made. */
  foreignPair(): KeyPair {
    const pair = pooledPair(this.#pairs++)
    this.history.nameKey(pair.kid)
    return pair
  }

  /** By how much a clock may be wrong that every formula reckons with. */
  randomSkew(): number {
    return Math.round((2 * this.random.next() - 1) * this.policy.timing.clockSkewMs)
  }

  #serve(replica: Replica): void {
    void KeyManager.open({ ...this.#openOptions(replica), serving: true }).then(
      (manager) => {
        replica.manager = manager
        this.note(replica.name, `serves generation ${manager.ring().generation}`)
      },
      (error) => {
        this.note(replica.name, `does not start: ${error.code}`)
        this.kill(replica)
      },
    )
  }

  #build(): SimulatedMachine {
    return new SimulatedMachine(this.time, this.randomSkew())
  }

  #place(name: string, machine = this.#sharedMachine ?? this.#build()): Replica {
    const { time, random, storage, policy } = this
    const sharesClock = this.#sharedMachine !== undefined
    return new Replica(name, { time, random, storage, policy, machine, sharesClock })
  }

  #openOptions(replica: Replica) {
    return {
      store: replica.store,
      policy: replica.policy,
      clock: replica.process.clock,
      generate: () => this.#makePair(replica),
      onEvent: (event: KeyringEvent) => this.note(replica.name, this.history.describeEvent(event)),
      random: () => this.random.next(),
    }
  }

  async #makePair(replica: Replica): Promise<KeyPair> {
    const pair = this.foreignPair()
    const delay = this.random.between(0, this.random.chance(0.5) ? 5 : LONGEST_KEYGEN_MS)
    replica.pairsUnderWay += 1
    await new Promise<void>((resolve) => {
      this.time.schedule(delay, () => replica.process.whenRunning(resolve))
    })
    replica.pairsUnderWay -= 1
    return pair
  }
}
