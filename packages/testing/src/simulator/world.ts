import { generateKeyPairSync } from 'node:crypto'
import { type JwkSetDocument, type PublicJwk, thumbprint } from '@keyturn/core'
import {
  activeKey,
  effectiveNow,
  exposureOf,
  KeyManager,
  type KeyPair,
  type KeyPolicy,
  type KeyRing,
  type KeyringEvent,
  stateOf,
} from '@keyturn/keyring'
import { Crowd } from './crowd.ts'
import { RingWatch } from './ring-watch.ts'
import type { SeededRandom } from './seeded-random.ts'
import { SimulatedMachine } from './simulated-machine.ts'
import { SimulatedStorage, SimulatedStore } from './simulated-store.ts'
import { VirtualTime } from './virtual-time.ts'

/** One process of the authority. */
export interface Replica {
  readonly name: string
  readonly machine: SimulatedMachine
  readonly store: SimulatedStore
  readonly policy: KeyPolicy
  /** By its own clock. */
  readonly startedAt: number
  /** `undefined` until it has opened the ring. */
  manager: KeyManager | undefined
}

/** What a {@link World} is made of. */
export interface WorldOptions {
  readonly random: SeededRandom
  readonly policy: KeyPolicy
  /** Several machines with clocks of their own, as with a database; or one machine, as with files. */
  readonly machines: 'one' | 'many'
}

const START_MS = Date.UTC(2026, 0, 1)
const LONGEST_KEYGEN_MS = 800

/** Replicas, their storage, and everybody who verifies; with eyes on all of it. */
export class World {
  readonly time = new VirtualTime(START_MS, (when) => this.#observe(when))
  readonly storage = new SimulatedStorage()
  readonly crowd = new Crowd()
  readonly random: SeededRandom
  readonly replicas: Replica[] = []
  readonly history: string[] = []
  readonly violations: string[] = []
  /** What a replica is started with from now on. */
  policy: KeyPolicy
  readonly #machines: 'one' | 'many'
  readonly #watch = new RingWatch()
  readonly #revokedAt = new Map<string, number>()
  readonly #documents = new WeakMap<Replica, { readonly document: object; readonly text: string }>()
  readonly #judged = new Set<string>()
  #lastRing: KeyRing | undefined
  #operators = 0
  #emergencies = 0
  #count = 0
  #pairs = 0

  constructor({ random, policy, machines }: WorldOptions) {
    this.random = random
    this.policy = policy
    this.#machines = machines
  }

  get isOver(): boolean {
    return this.violations.length > 0
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    await this.time.runUntil(this.time.now + ms, () => this.isOver)
  }

  /** Writes down what happened, for a person to read. */
  note(line: string): void {
    if (this.isOver && !line.startsWith('VIOLATION')) return
    this.history.push(`${((this.time.now - START_MS) / 1000).toFixed(3).padStart(9)} s  ${line}`)
  }

  /** Starts a process of the authority. */
  start(): void {
    const name = `r${++this.#count}`
    const replica = this.#place(name)
    this.replicas.push(replica)
    this.note(`${name} starts`)
    void KeyManager.open({ ...this.#openOptions(replica), serving: true }).then(
      (manager) => {
        replica.manager = manager
        this.note(`${name} serves generation ${manager.ring().generation}`)
      },
      (error) => {
        this.note(`${name} does not start: ${error.code}`)
        this.kill(replica)
      },
    )
  }

  /** Ends a process without a word. */
  kill(replica: Replica): void {
    replica.machine.kill()
    this.replicas.splice(this.replicas.indexOf(replica), 1)
    this.note(`${replica.name} dies`)
  }

  /**
   * An operator's command: a process of its own, that opens the ring, does one thing, and ends. In an emergency a key may
   * sign before its lead.
   */
  async command(
    what: string,
    action: (manager: KeyManager, clockOffsetMs: number) => Promise<string>,
    { emergency = false } = {},
  ): Promise<void> {
    const name = `c${++this.#count}`
    const replica = this.#place(name)
    this.#operators += 1
    if (emergency) this.#emergencies += 1
    this.note(`${name}: ${what}`)
    try {
      const manager = await KeyManager.open({ ...this.#openOptions(replica), serving: false })
      this.note(`${name}: ${await action(manager, replica.machine.offsetMs)}`)
      await manager.close()
    } catch (error) {
      this.note(`${name}: ${(error as { code?: string }).code ?? error}`)
    } finally {
      this.#operators -= 1
      if (emergency) this.#emergencies -= 1
    }
  }

  get activeKid(): string | undefined {
    const { ring } = this.storage
    return ring && activeKey(ring, effectiveNow(ring, this.time.now)).kid
  }

  #place(name: string): Replica {
    const { clockSkewMs, storePollMs: pollMs } = this.policy.timing
    const offset = this.#machines === 'one' ? 0 : Math.round((2 * this.random.next() - 1) * clockSkewMs)
    const machine = new SimulatedMachine(name, this.time, offset)
    const { time, random, storage } = this
    const sharesClock = this.#machines === 'one'
    const store = new SimulatedStore({ storage, machine, time, random, pollMs, sharesClock })
    const startedAt = machine.clock.now()
    return { name, machine, store, policy: this.policy, startedAt, manager: undefined }
  }

  #openOptions(replica: Replica) {
    return {
      store: replica.store,
      policy: replica.policy,
      clock: replica.machine.clock,
      generate: () => this.#makePair(replica.machine),
      onEvent: (event: KeyringEvent) => this.#hear(replica, event),
      random: () => this.random.next(),
    }
  }

  async #makePair(machine: SimulatedMachine): Promise<KeyPair> {
    const pair = pooledPair(this.#pairs++)
    const delay = this.random.between(0, this.random.chance(0.5) ? 5 : LONGEST_KEYGEN_MS)
    return await new Promise((resolve) => {
      this.time.schedule(delay, () => machine.whenRunning(() => resolve(pair)))
    })
  }

  #hear({ name, policy, startedAt }: Replica, event: KeyringEvent): void {
    const { kind, ...details } = event
    this.note(`${name}  ${kind} ${brief(details)}`)
    if (event.kind === 'key-revoked') this.#revokedAt.set(event.kid, this.time.now)
    const isTooSoon =
      event.kind === 'key-created' && event.activateAt < startedAt + policy.timing.rotationIntervalMs
    if (isTooSoon) this.complain(`R5: ${name} rotates again sooner than an interval after its start`)
  }

  /** A key that signs before its lead must be wanted so: then nobody blames the sets that cannot hold it yet. */
  #watchEarlyKeys(ring: KeyRing): void {
    for (const key of ring.keys) {
      if (this.#judged.has(key.kid + key.activateAt) || key.revokedAt !== null) continue
      this.#judged.add(key.kid + key.activateAt)
      const isEarly = key.origin === 'emergency' || key.activateAt < key.signableAt
      if (!isEarly) continue
      if (this.#emergencies === 0)
        this.complain(`1: ${key.kid.slice(0, 6)} signs early, and nobody asked for it`)
      this.crowd.excuse(key.kid, this.time.now)
    }
  }

  /** Everything that can be seen at this instant; what must not be is a violation. */
  #observe(when: 'before' | 'after'): void {
    for (const replica of this.replicas) {
      const { machine, manager } = replica
      if (!machine.isRunning || manager === undefined || this.#isLost(replica)) continue
      // as its HTTP server does: whoever asks a process that has slept waits for it to look
      if (manager.mayHaveSlept) void manager.catchUp()
      else this.#observeReplica(replica, manager)
    }
    const { ring } = this.storage
    if (when === 'before' || ring === undefined) return
    if (ring !== this.#lastRing) {
      this.#lastRing = ring
      this.#watchEarlyKeys(ring)
      this.complain(...this.#watch.complaints(ring, this.time.now, this.crowd, this.#operators > 0))
    }
    this.#expectOneSigner(ring)
    this.complain(...this.crowd.complaints(this.time.now))
  }

  #observeReplica(replica: Replica, manager: KeyManager): void {
    const { timing } = replica.policy
    const now = this.time.now
    const document = manager.publicJwks()
    this.#watchDocument(replica, document)
    this.#watchRevocations(replica, document)
    const { lastContactAt: knownAt } = replica.store
    // as its HTTP server does: no cache headers before the ring knows of them
    const uncached = { ...timing, jwksMaxAgeMs: 0, jwksStaleWhileRevalidateMs: 0 }
    const exposureMs = exposureOf(manager.isExposureRecorded ? timing : uncached)
    this.crowd.serve(document, { at: now, knownAt, exposureMs })
    const wall = replica.machine.clock.now()
    const key = activeKey(manager.ring(), effectiveNow(manager.ring(), wall))
    if (key.privateKey === null) this.complain(`5: ${replica.name} has nothing to sign with`)
    const expiresAt = (Math.floor(wall / 1000) + key.maxTtlSeconds) * 1000
    this.crowd.owe(key.kid, expiresAt + timing.clockToleranceMs)
  }

  /**
   * A replica that asks in vain for longer than P, while others write, breaks the premise of every lead; what it serves then is beyond
   * what is promised (docs/adr/0010). One that knows of the last write is not lost, however long the storage is down.
   */
  #isLost({ manager, store, policy }: Replica): boolean {
    const isBehind = (manager?.ring().generation ?? 0) < (this.storage.ring?.generation ?? 0)
    return isBehind && store.isUnanswered && this.time.now - store.lastContactAt > policy.timing.storePollMs
  }

  /** A replica that has reached the storage since a revocation publishes the key no more; one that has not cannot know. */
  #watchRevocations({ name, store, policy }: Replica, document: JwkSetDocument): void {
    for (const [kid, at] of this.#revokedAt) {
      if (!document.keys.some((key) => key.kid === kid)) continue
      if (store.lastContactAt > at) this.complain(`9: ${name} publishes the revoked ${kid.slice(0, 6)}`)
      if (this.time.now - store.lastContactAt > policy.timing.storePollMs) this.crowd.releaseFromPromise(kid)
    }
  }

  #watchDocument(replica: Replica, document: object): void {
    const last = this.#documents.get(replica)
    if (last?.document === document) return
    const text = JSON.stringify(document)
    if (last?.text === text) this.complain(`11: ${replica.name} serves the same set as another object`)
    if (!text.includes('"kid"') || text.includes('"d":')) this.complain(`11: ${replica.name} serves ${text}`)
    this.#documents.set(replica, { document, text })
  }

  /** Replicas that know of the same write sign with the same key, but for the skew of their clocks at an activation. */
  #expectOneSigner(ring: KeyRing): void {
    const now = this.time.now
    const signers = new Set<string>()
    for (const { machine, manager } of this.replicas) {
      if (!machine.isRunning || manager?.ring().generation !== ring.generation) continue
      signers.add(activeKey(ring, effectiveNow(ring, machine.clock.now())).kid)
    }
    const { clockSkewMs } = this.policy.timing
    const isHandover = ring.keys.some(({ activateAt }) => Math.abs(activateAt - now) <= 2 * clockSkewMs)
    if (signers.size > 1 && !isHandover) this.complain(`4: ${signers.size} keys sign at once`)
    const at = effectiveNow(ring, now)
    if (ring.keys.filter((key) => stateOf(key, at) === 'active').length !== 1)
      this.complain('3: not one active key')
  }

  /** Writes down that an invariant does not hold; begins with its number. */
  complain(...complaints: readonly string[]): void {
    for (const complaint of complaints) {
      if (this.violations.includes(complaint)) continue
      this.violations.push(complaint)
      this.note(`VIOLATION ${complaint}`)
    }
  }
}

const pool: KeyPair[] = []

/** Pairs are made once and used by every history, each pair at most once in a history. */
function pooledPair(index: number): KeyPair {
  const known = pool[index]
  if (known !== undefined) return known
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const publicJwk = publicKey.export({ format: 'jwk' }) as PublicJwk
  const pair: KeyPair = { kid: thumbprint(publicJwk), alg: 'EdDSA', publicJwk, privateKey }
  pool[index] = pair
  return pair
}

function brief(details: object): string {
  return JSON.stringify(details).replace(/"([\w-]{6})[\w-]{37}"/g, '$1')
}
