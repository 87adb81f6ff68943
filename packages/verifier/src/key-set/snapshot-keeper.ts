import { type Clock, errorCodeOf, KeyturnError, LATE, orLate } from '@keyturn/core'
import type { VerifierEvent } from '../events.ts'
import type { Snapshot } from './snapshot.ts'
import type { SnapshotStore } from './snapshot-file.ts'

/** What a {@link SnapshotKeeper} goes by. */
export interface SnapshotKeeperOptions {
  readonly store: SnapshotStore
  /** A set that was only confirmed is written down no more often. */
  readonly pauseMs: number
  readonly clock: Clock
  readonly onEvent: (event: VerifierEvent) => void
}

/** A disk that has not answered by then may never: every token waits for it. */
const LONGEST_READ_MS = 1000

/** Writes good sets down beside the verifying, and reads the last one once. A disk that fails is an event, and no more. */
export class SnapshotKeeper {
  readonly #options: SnapshotKeeperOptions
  #recalled: Promise<Snapshot | undefined> | undefined
  #unwritten: Snapshot | undefined
  #isWriting = false
  /** By the monotonic clock: one that is set back would keep confirmations from being written until it has caught up. */
  #keptAt = Number.NEGATIVE_INFINITY

  constructor(options: SnapshotKeeperOptions) {
    this.#options = options
  }

  /** What the process before left. */
  recall(): Promise<Snapshot | undefined> {
    this.#recalled ??= this.#read().catch((error) => this.#fail('read', error))
    return this.#recalled
  }

  async #read(): Promise<Snapshot | undefined> {
    const { store, clock } = this.#options
    const snapshot = await orLate(store.read(), clock, LONGEST_READ_MS)
    if (snapshot !== LATE) return snapshot
    throw new KeyturnError('snapshot_failed', 'the disk of the snapshot does not answer')
  }

  /** Writes a set down soon, and only the newest where writing takes long. */
  keep(snapshot: Snapshot, isConfirmation: boolean): void {
    const now = this.#options.clock.monotonicNow()
    if (isConfirmation && now - this.#keptAt < this.#options.pauseMs) return
    this.#keptAt = now
    this.#unwritten = snapshot
    if (!this.#isWriting) void this.#write()
  }

  async #write(): Promise<void> {
    this.#isWriting = true
    for (let next = this.#takeUnwritten(); next !== undefined; next = this.#takeUnwritten()) {
      await this.#options.store.write(next).catch((error) => this.#fail('write', error))
    }
    this.#isWriting = false
  }

  #takeUnwritten(): Snapshot | undefined {
    const snapshot = this.#unwritten
    this.#unwritten = undefined
    return snapshot
  }

  #fail(operation: 'read' | 'write', error: unknown): undefined {
    const code = errorCodeOf(error)
    this.#options.onEvent({ kind: 'snapshot-failed', operation, code })
  }
}
