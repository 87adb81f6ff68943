import { KeyturnError } from '@keyturn/core'
import {
  type ClockReading,
  clockAhead,
  type KeyRing,
  type KeyStore,
  type SaveOptions,
  StoreConflict,
  type StoreWatcher,
} from '@keyturn/keyring'
import type { SeededRandom } from './seeded-random.ts'
import type { SimulatedProcess } from './simulated-process.ts'
import type { SimulatedStorage, Writer } from './simulated-storage.ts'
import type { VirtualTime } from './virtual-time.ts'

/** Half of P to the next look, and an eighth each way. */
const LONGEST_SILENCE = 0.75

/** How a {@link SimulatedStore} is connected. */
export interface SimulatedStoreOptions {
  readonly storage: SimulatedStorage
  readonly process: SimulatedProcess
  readonly time: VirtualTime
  readonly random: SeededRandom
  readonly pollMs: number
  readonly sharesClock: boolean
  /** Who writes now. */
  readonly describeWriter: () => Writer
}

/**
 * The store as one replica reaches it: slowly, sometimes not at all, and never longer than the replica lives. A write takes
 * effect half-way, so that a replica can die before it, and after it without having heard.
 */
export class SimulatedStore implements KeyStore {
  readonly sharesClock: boolean
  readonly pollMs: number
  /** The way to the storage, for this replica alone. */
  link: 'up' | 'down' | 'silent' = 'up'
  /** Of when what this replica knows of the storage is. */
  lastContactAt = Number.NEGATIVE_INFINITY
  readonly #options: SimulatedStoreOptions
  readonly #waitingSince = new Set<{ readonly at: number }>()
  #hasFailed = false
  #clockAheadMs = 0
  #lastSeen = 0

  constructor(options: SimulatedStoreOptions) {
    this.#options = options
    this.sharesClock = options.sharesClock
    this.pollMs = options.pollMs
  }

  /** As of the last answer, as far as whoever hears it can tell. */
  get clockAheadMs(): number {
    return this.#clockAheadMs
  }

  /** By how much whoever asks may be wrong about that clock: an answer that slept on its way says little of it. */
  get clockDoubtMs(): number {
    const { process, pollMs } = this.#options
    if (!this.hasOwnClock) return 0
    return pollMs / 8 + Math.abs(this.decisiveClock - process.machine.wallClock - this.#clockAheadMs)
  }

  /** Writes are dated by the storage. */
  get hasOwnClock(): boolean {
    return this.#options.storage.clockErrorMs !== undefined
  }

  /** What time it is by the clock that decides: the storage's, or where that has none the machine's. */
  get decisiveClock(): number {
    const { storage, time, process } = this.#options
    return storage.clockErrorMs === undefined
      ? process.machine.wallClock
      : Math.round(time.now + storage.clockErrorMs)
  }

  /** It has asked for about P, in vain: for longer than one that reaches the storage ever goes without an answer. */
  get isCutOff(): boolean {
    const { time, pollMs } = this.#options
    return time.now - this.lastContactAt > LONGEST_SILENCE * pollMs && this.isFailing
  }

  /** Its last question has failed, or is not answered as soon as it should be. */
  get isFailing(): boolean {
    const { time, pollMs } = this.#options
    const [oldest] = this.#waitingSince
    return this.#hasFailed || (oldest !== undefined && time.now - oldest.at > pollMs / 2)
  }

  /** It waits for an answer. */
  get isBusy(): boolean {
    return this.#waitingSince.size > 0
  }

  async load(): Promise<KeyRing | undefined> {
    const ring = await this.#access('read', () => this.#options.storage.read())
    this.#lastSeen = Math.max(this.#lastSeen, ring?.generation ?? 0)
    return ring
  }

  async save(ring: KeyRing, expectedGeneration: number, options?: SaveOptions): Promise<void> {
    const { storage, describeWriter } = this.#options
    const writer = describeWriter()
    await this.#access('write', () => {
      if (storage.isFull) throw new KeyturnError('store_failed', 'the simulated disk is full')
      // what was decided too long ago must not come into effect
      if (storage.clockErrorMs !== undefined && ring.writtenAt + this.pollMs < this.decisiveClock)
        throw new StoreConflict()
      storage.swap(ring, expectedGeneration, writer, options)
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
        if (stopped) return
        if (ring === undefined || ring.generation < before)
          throw new KeyturnError('ring_missing', 'an old ring')
        if (ring.generation > before) watcher.onChange(ring)
        else watcher.onHealthy?.()
      } catch (error) {
        if (!stopped) watcher.onError(error)
      }
      if (!stopped) schedule()
    }
    const schedule = () => {
      this.#options.process.clock.setTimer(() => void look(), this.#options.pollMs / 2)
    }
    schedule()
    return () => {
      stopped = true
    }
  }

  /**
   * On its way, in effect, on its way back: at each point the replica may have died, and then nobody hears of it. Where
   * nobody answers a read waits; a write is lost, since one that comes into effect later than P after it was decided would
   * take away from every lead (docs/adr/0011).
   */
  async #access<T>(kind: 'read' | 'write', effect: () => T): Promise<T> {
    const { time, random, process, storage } = this.#options
    const there = random.between(0, storage.latencyMs)
    const back = random.between(0, storage.latencyMs)
    const waiting = { at: time.now }
    const askedAt = process.machine.wallClock
    this.#waitingSince.add(waiting)
    return await new Promise<T>((resolve, reject) => {
      let isLost = false
      const ask = () => {
        if (this.link === 'silent' || storage.state === 'silent') {
          isLost = kind === 'write'
          storage.hold(() => time.schedule(there, () => process.whenRunning(ask)))
          return
        }
        const outcome = this.#attempt(effect, { isLost, askedAt })
        const hear = () => {
          this.#waitingSince.delete(waiting)
          outcome(resolve, reject)
        }
        time.schedule(back, () => process.whenRunning(hear))
      }
      time.schedule(there, ask)
    })
  }

  #attempt<T>(
    effect: () => T,
    { isLost, askedAt }: { readonly isLost: boolean; readonly askedAt: number },
  ): (resolve: (value: T) => void, reject: (error: unknown) => void) => void {
    const { storage, time } = this.#options
    try {
      if (isLost || storage.state === 'down' || this.link === 'down') {
        throw new KeyturnError('store_failed', 'the simulated storage cannot be reached')
      }
      const value = effect()
      const at = time.now
      const storeTime = this.decisiveClock
      const isMisleading = storage.isReplaced
      return (resolve) => {
        if (!isMisleading) this.lastContactAt = Math.max(this.lastContactAt, at)
        this.#hasFailed = isMisleading
        this.#noteClock({ askedAt, storeTime, heardAt: this.#options.process.machine.wallClock })
        resolve(value)
      }
    } catch (error) {
      return (_, reject) => {
        if (!(error instanceof StoreConflict)) this.#hasFailed = true
        reject(error)
      }
    }
  }

  #noteClock(reading: ClockReading): void {
    if (!this.hasOwnClock) return
    this.#clockAheadMs = clockAhead(this.#clockAheadMs, reading)
  }
}
