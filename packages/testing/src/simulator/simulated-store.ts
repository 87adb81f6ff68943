import { KeyturnError } from '@keyturn/core'
import { type KeyRing, type KeyStore, StoreConflict, type StoreWatcher } from '@keyturn/keyring'
import type { SeededRandom } from './seeded-random.ts'
import type { SimulatedMachine } from './simulated-machine.ts'
import type { VirtualTime } from './virtual-time.ts'

/** What is durable: the disk, or the database. One for all replicas. */
export class SimulatedStorage {
  /** Nobody can read or write. */
  isDown = false
  /** Writes fail, reads do not: the disk is full. */
  isFull = false
  /** How long an access takes at the most, in milliseconds. */
  latencyMs = 5
  #ring: KeyRing | undefined

  get ring(): KeyRing | undefined {
    return this.#ring
  }

  /** Compare-and-swap. @throws {StoreConflict} */
  swap(ring: KeyRing, expectedGeneration: number): void {
    if ((this.#ring?.generation ?? 0) !== expectedGeneration) throw new StoreConflict()
    this.#ring = ring
  }
}

/** How a {@link SimulatedStore} is connected. */
export interface SimulatedStoreOptions {
  readonly storage: SimulatedStorage
  readonly machine: SimulatedMachine
  readonly time: VirtualTime
  readonly random: SeededRandom
  readonly pollMs: number
  readonly sharesClock: boolean
}

/**
 * The store as one replica reaches it: slowly, sometimes not at all, and never longer than the replica lives. A write takes
 * effect half-way, so that a replica can die before it, and after it without having heard.
 */
export class SimulatedStore implements KeyStore {
  readonly sharesClock: boolean
  /** Of when what this replica knows of the storage is. */
  lastContactAt = Number.NEGATIVE_INFINITY
  /** It has asked since, in vain. */
  isUnanswered = false
  readonly #options: SimulatedStoreOptions
  #lastSeen = 0

  constructor(options: SimulatedStoreOptions) {
    this.#options = options
    this.sharesClock = options.sharesClock
  }

  async load(): Promise<KeyRing | undefined> {
    const ring = await this.#access(() => this.#options.storage.ring)
    this.#lastSeen = Math.max(this.#lastSeen, ring?.generation ?? 0)
    return ring
  }

  async save(ring: KeyRing, expectedGeneration: number): Promise<void> {
    await this.#access(() => {
      if (this.#options.storage.isFull) throw new KeyturnError('store_failed', 'the simulated disk is full')
      this.#options.storage.swap(ring, expectedGeneration)
    })
    this.#lastSeen = Math.max(this.#lastSeen, ring.generation)
  }

  watch(watcher: StoreWatcher): () => void {
    let stopped = false
    const look = async () => {
      const before = this.#lastSeen
      watcher.onLook?.()
      try {
        const ring = await this.load()
        if (!stopped && ring !== undefined && ring.generation > before) watcher.onChange(ring)
        else if (!stopped) watcher.onHealthy?.()
      } catch (error) {
        if (!stopped) watcher.onError(error)
      }
      if (!stopped) schedule()
    }
    const schedule = () => {
      this.#options.machine.clock.setTimer(() => void look(), this.#options.pollMs / 2)
    }
    schedule()
    return () => {
      stopped = true
    }
  }

  /** On its way, in effect, on its way back: at each point the replica may have died, and then nobody hears of it. */
  async #access<T>(effect: () => T): Promise<T> {
    const { time, random, machine, storage } = this.#options
    const there = random.between(0, storage.latencyMs)
    const back = random.between(0, storage.latencyMs)
    return await new Promise<T>((resolve, reject) => {
      time.schedule(there, () => {
        const outcome = this.#attempt(effect)
        time.schedule(back, () => machine.whenRunning(() => outcome(resolve, reject)))
      })
    })
  }

  #attempt<T>(effect: () => T): (resolve: (value: T) => void, reject: (error: unknown) => void) => void {
    try {
      if (this.#options.storage.isDown) {
        throw new KeyturnError('store_failed', 'the simulated storage cannot be reached')
      }
      const value = effect()
      const at = this.#options.time.now
      return (resolve) => {
        this.lastContactAt = Math.max(this.lastContactAt, at)
        this.isUnanswered = false
        resolve(value)
      }
    } catch (error) {
      return (_, reject) => {
        if (!(error instanceof StoreConflict)) this.isUnanswered = true
        reject(error)
      }
    }
  }
}
