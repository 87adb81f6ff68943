import { KeyturnError } from '@keyturn/core'
import type { KeyRing } from '../ring.ts'

/**
 * How many generations a store keeps at the most: the newest, and the one before it. What is to be gone from the store, an erased
 * private half or what is sealed under an old key, is gone after as many writes. A ring that is held keeps more.
 */
export const GENERATIONS_KEPT = 2

/**
 * Where a ring is kept. Three verbs, and compare-and-swap: the command line, a second process and another replica are all
 * just writers. Every implementation passes the conformance suite of `@keyturn/testing`.
 */
export interface KeyStore {
  /** All signers of this store read one clock, so that they agree on the instant of an activation. */
  readonly sharesClock: boolean
  /**
   * P, in milliseconds: within this time {@link KeyStore.watch} reports what others write, and a write takes effect or never does.
   * Leads are reckoned with the P of the policy, so {@link KeyManager.open} refuses a store that is slower.
   */
  readonly pollMs: number
  /**
   * By how many milliseconds the store's own clock is ahead of this machine's, as of its last answer. What is decided, and the
   * date of each write, goes by that clock, so that replicas decide alike. Left out where the store has none.
   */
  readonly clockAheadMs?: number
  /** Where it is, for whoever reads an error and may have named another: a folder, a host with a database. Never holds a secret. */
  readonly place?: string
  /**
   * The newest ring; `undefined` where there is none and one may be created.
   *
   * @throws {KeyturnError} `ring_missing`, `ring_corrupt`, `store_unsafe`, `store_failed`
   */
  load(): Promise<KeyRing | undefined>
  /**
   * Makes `ring` the newest, durably, if the newest still is `expectedGeneration` (0: if there is none) of the same ring, by its
   * `ringId`: two rings come by the same generations. Keeps no more than {@link GENERATIONS_KEPT}.
   *
   * @throws {StoreConflict} when it is not, or when a store with a clock of its own finds it dated too long ago
   * @throws {KeyturnError} `store_failed`: either it is not the newest, or {@link KeyStore.watch} reports that it is
   */
  save(ring: KeyRing, expectedGeneration: number, options?: SaveOptions): Promise<void>
  /**
   * Keeps what the store holds for good, so that no later save drops it: a ring that no key opens is about to be replaced.
   * Without this such a ring cannot be replaced.
   *
   * @throws {KeyturnError} `store_failed`
   */
  setAside?(): Promise<void>
  /** Reports what others write, within the poll interval, until the returned function is called. */
  watch(watcher: StoreWatcher): () => void
  /**
   * Does work that others may be about to do as well, one process at a time where that can be had soon: only so that it is not done
   * in vain. Left out where few others write.
   */
  inTurn?(work: () => Promise<void>): Promise<void>
  /** Gives back what it holds open; whoever opened it calls this last. Left out where there is nothing to give back. */
  close?(): Promise<void>
}

/** What a save may do. */
export interface SaveOptions {
  /** The ring that is there may be another one, or none that can be read: a backup takes its place. Default `false`. */
  readonly overAnyRing?: boolean
}

/** What a store takes it for that it holds no ring: a beginning, unless something speaks against it. */
export interface BeginningTerms {
  /** There is an installation whose ring is kept here: it is lost where there is none. Default `false`. */
  readonly expectsRing?: boolean
  /** Lets a ring begin even where one was lost. Default `false`. */
  readonly initialize?: boolean
}

/** Who {@link KeyStore.watch} tells. */
export interface StoreWatcher {
  /** A look begins; one of the others says what came of it. A store that needs no looking does not call it. */
  onLook?(): void
  onChange(ring: KeyRing): void
  /** The store was read, and nothing is new. */
  onHealthy?(): void
  /** The store cannot be read, or what is in it is no ring. What is in memory goes on. */
  onError(error: unknown): void
}

/** What the store holds under its newest generation is no ring. */
export class RingCorrupt extends KeyturnError {
  override readonly name = 'RingCorrupt'
  declare readonly code: 'ring_corrupt'
  readonly generation: number

  constructor(generation: number, message: string, options: { remedy: string; cause: unknown }) {
    super('ring_corrupt', message, options)
    this.generation = generation
  }
}

const KEY_LOST = '; where that key is lost: keyturn keys restore FILE --replace-unopened'

/** What the store holds under its newest generation is whole, and no key that was given opens it. */
export class RingUnopened extends KeyturnError {
  override readonly name = 'RingUnopened'
  declare readonly code: 'ring_sealed' | 'ring_unsealed' | 'kek_unknown'
  readonly generation: number

  constructor(
    code: RingUnopened['code'],
    generation: number,
    message: string,
    options: { remedy?: string | undefined; cause?: unknown },
  ) {
    const { remedy, cause } = options
    super(code, message, { ...(remedy !== undefined && { remedy }), cause })
    this.generation = generation
  }

  /** The same, with the place in a store, and the way out where the key may be lost. */
  inStore(place: string): RingUnopened {
    return this.at(place, isUnopenable(this) ? KEY_LOST : '')
  }

  /** The same, with the place of what cannot be opened, and what else can be done. */
  at(place: string, otherRemedy = ''): RingUnopened {
    const remedy = this.remedy === undefined ? undefined : `${this.remedy}${otherRemedy}`
    return new RingUnopened(this.code, this.generation, `${place}: ${this.message}`, {
      remedy,
      cause: this.cause,
    })
  }
}

/** The key that sealed the ring may be lost for good; one that is not sealed takes no key. */
export function isUnopenable(error: unknown): error is RingUnopened {
  return error instanceof RingUnopened && error.code !== 'ring_unsealed'
}

/** Somebody else was first: load again, and think again. */
export class StoreConflict extends KeyturnError {
  override readonly name = 'StoreConflict'
  declare readonly code: 'store_conflict'

  constructor() {
    super('store_conflict', 'the ring has changed since it was loaded')
  }
}
