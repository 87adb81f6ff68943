import { type KeyRing, RingCorrupt, type SaveOptions, StoreConflict } from '@keyturn/keyring'

/** Who writes, and what may be asked of that write. */
export interface Writer {
  readonly name: string
  /** The soonest that a key may sign which it adds to the schedule: an interval after it began to watch. */
  readonly soonestActivation: number
  /** An operator has told this process what to do. */
  readonly isOperator: boolean
  /** The operator has said that keys may sign before their lead. */
  readonly mayHurry: boolean
  /** It puts a backup in the place of a ring that was lost. */
  readonly isRestoring: boolean
  /** Kids that must go: all that an operator has told it in a hurry is that the store leaked, and it held these. */
  readonly mustRevoke: readonly string[]
  /** Its clock is wrong. */
  readonly hasWrongClock: boolean
  /** Its clock is wrong, and it can see that. */
  readonly isInDoubt: boolean
}

const REMEMBERED_RINGS = 4

/** What is durable: the disk, or the database. One for all replicas. */
export class SimulatedStorage {
  /** How long an access takes at the most, in milliseconds. */
  latencyMs = 5
  /** Writes fail, reads do not: the disk is full. */
  isFull = false
  /** Nobody can read or write, and is told so (`down`), or is told nothing (`silent`). */
  state: 'up' | 'down' | 'silent' = 'up'
  /** What is stored is no ring any more. */
  isLost = false
  /** How often a ring was written. */
  writes = 0
  /** By how much its own clock is ahead; `undefined` where it has none, as a disk. */
  clockErrorMs: number | undefined
  /** Who wrote the ring. */
  writer: Writer | undefined
  readonly #rings: KeyRing[] = []
  #shown: KeyRing | undefined
  readonly #held: (() => void)[] = []

  /** The newest ring that was written by compare-and-swap. */
  get ring(): KeyRing | undefined {
    return this.#rings.at(-1)
  }

  /** What a reader finds. @throws {RingCorrupt} */
  read(): KeyRing | undefined {
    if (this.isLost)
      throw new RingCorrupt(this.ring?.generation ?? 0, 'lost', { remedy: 'restore', cause: null })
    return this.#shown ?? this.ring
  }

  /** Somebody has put an old copy in the place of the ring. */
  get isReplaced(): boolean {
    return this.#shown !== undefined
  }

  /** Compare-and-swap. @throws {StoreConflict} */
  swap(
    ring: KeyRing,
    expectedGeneration: number,
    writer: Writer,
    { overAnyRing = false }: SaveOptions = {},
  ): void {
    const newest = this.#shown ?? this.ring
    if ((newest?.generation ?? 0) !== expectedGeneration) throw new StoreConflict()
    if (!overAnyRing && newest !== undefined && newest.ringId !== ring.ringId) throw new StoreConflict()
    this.writer = writer
    this.isLost = false
    this.writes += 1
    this.#shown = undefined
    this.#rings.push(ring)
    if (this.#rings.length > REMEMBERED_RINGS) this.#rings.shift()
  }

  /** Puts an old copy in the place of the ring; says of which generation. `undefined` when there is none. */
  showOldRing(): number | undefined {
    this.#shown = this.#rings.length > 1 ? this.#rings[0] : undefined
    return this.#shown?.generation
  }

  /** The right ring is there again. */
  showRing(): void {
    this.#shown = undefined
  }

  /** Asks later, when anything about the storage or the way to it has changed. */
  hold(question: () => void): void {
    this.#held.push(question)
  }

  /** Whoever waits for an answer asks again. */
  release(): void {
    for (const question of this.#held.splice(0)) question()
  }
}
