import { type Clock, KeyturnError, orLate } from '@keyturn/core'
import { type Failure, FailureStreak, type KeyRing } from '@keyturn/keyring'
import type { BackupInventory } from './backup-folder.ts'
import { type Backup, byGeneration } from './backup-name.ts'
import {
  type BackupPolicy,
  backupsOf,
  backupsToDelete,
  isOverdue,
  needsBackup,
  untilBackupMs,
} from './backup-schedule.ts'

/** Where backups are: a {@link BackupFolder}, or what a test puts in its place. */
export interface BackupPlace {
  look(ringId: string): Promise<BackupInventory>
  write(ring: KeyRing, now: number): Promise<Backup>
  delete(backup: Backup): Promise<void>
}

/** What a {@link BackupKeeper} works with. */
export interface BackupKeeperOptions {
  readonly place: BackupPlace
  readonly policy: BackupPolicy
  /** The ring as it is in memory. */
  readonly ring: () => KeyRing
  readonly clock: Clock
  readonly onEvent: (event: BackupEvent) => void
  /** Spreads replicas that share a folder, and retries; returns 0 to 1. */
  readonly random: () => number
}

/** What happens to backups, for log and metrics. */
export type BackupEvent =
  | { readonly kind: 'backup-made'; readonly file: string }
  /** It was beyond what is kept. */
  | { readonly kind: 'backup-deleted'; readonly file: string }
  | ({ readonly kind: 'backup-failed'; readonly error: unknown } & Failure)
  /** They are lost with the disk of the data folder. Said once. */
  | { readonly kind: 'backup-shares-disk' }
  /** Said once of each. */
  | { readonly kind: 'backup-damaged'; readonly file: string }

/** State of the backups. */
export interface BackupHealth {
  readonly status: 'ok' | 'degraded'
  readonly consecutiveFailures: number
  readonly lastFailure: { readonly code: string; readonly at: number } | undefined
  /** The newest is older than the interval by more than a tenth and a minute, or there is none. */
  readonly overdue: boolean
  /** The newest that is whole, and that the ring in memory continues; `undefined` where none is known. */
  readonly newest: { readonly file: string; readonly generation: number; readonly ageMs: number } | undefined
  readonly kept: number
  /** Files that are not as they were written. They are kept, and must be looked at. */
  readonly damaged: readonly string[]
}

/** An attempt, since an instant on the monotonic clock. */
interface Work {
  readonly done: Promise<void>
  readonly since: number
  isLate: boolean
}

/** Memory is looked at so often; the folder only when a backup may be due. */
const LOOK_MS = 1000
const LONGEST_SPREAD_MS = 5000
const DEADLINE_MS = 30_000
const CLOSE_MS = 2000
const NOTHING: BackupInventory = Object.freeze({ whole: [], damaged: [], sharesDisk: false })

/**
 * Makes backups: one for each interval, one soon after the ring has changed in a way that matters, and none where another
 * process that shares the folder has. One at a time: a disk that hangs keeps one of them waiting, and nothing else.
 */
export class BackupKeeper {
  readonly #options: BackupKeeperOptions
  readonly #spreadMs: number
  #cancel = () => {}
  /** As of the last look at the folder. */
  #inventory: BackupInventory | undefined
  #ring: KeyRing
  #neededGeneration: number
  #work: Work | undefined
  #notBefore = 0
  readonly #streak: FailureStreak

  constructor(options: BackupKeeperOptions) {
    const { policy, clock, random } = options
    this.#options = options
    this.#streak = new FailureStreak(clock, random)
    this.#spreadMs = random() * Math.min(LONGEST_SPREAD_MS, policy.intervalMs / 10)
    this.#ring = options.ring()
    // what a backup of an earlier generation lacks is not known
    this.#neededGeneration = this.#ring.generation
  }

  start(): void {
    this.#schedule(this.#spreadMs)
  }

  /** Waits for a backup under way, two seconds at the most. */
  async close(): Promise<void> {
    this.#cancel()
    if (this.#work !== undefined) await orLate(this.#work.done, this.#options.clock, CLOSE_MS)
  }

  /** How the backups fare. Reads memory only. */
  health(): BackupHealth {
    const { whole, damaged } = this.#inventory ?? NOTHING
    const newest = backupsOf(this.#ring, whole).at(-1)
    const overdue = this.#inventory !== undefined && this.#isOverdue(this.#inventory)
    const isWell = this.#streak.length === 0 && damaged.length === 0 && !overdue
    return {
      status: isWell ? 'ok' : 'degraded',
      consecutiveFailures: this.#streak.length,
      lastFailure: this.#streak.last,
      overdue,
      newest: newest && {
        file: newest.name,
        generation: newest.generation,
        ageMs: Math.max(0, this.#options.clock.now() - newest.madeAt),
      },
      kept: whole.length,
      damaged,
    }
  }

  #schedule(delayMs: number): void {
    this.#cancel = this.#options.clock.setTimer(() => {
      this.#tick()
      this.#schedule(LOOK_MS)
    }, delayMs)
  }

  #tick(): void {
    this.#noteRing()
    if (this.#work !== undefined) this.#noteLate(this.#work)
    else if (this.#options.clock.monotonicNow() >= this.#notBefore && this.#mayBeDue()) this.#begin()
  }

  #noteRing(): void {
    const ring = this.#options.ring()
    if (ring === this.#ring) return
    if (needsBackup(this.#ring, ring)) this.#neededGeneration = ring.generation
    this.#ring = ring
  }

  #mayBeDue(): boolean {
    return this.#inventory === undefined || this.#isDue(this.#inventory)
  }

  #isDue({ whole: backups }: BackupInventory): boolean {
    const { clock, policy } = this.#options
    const state = { now: clock.now(), ring: this.#ring, backups }
    const known = { neededGeneration: this.#neededGeneration, spreadMs: this.#spreadMs }
    return untilBackupMs({ ...state, ...known }, policy) === 0
  }

  #isOverdue({ whole: backups }: BackupInventory): boolean {
    const { clock, policy } = this.#options
    return isOverdue({ now: clock.now(), ring: this.#ring, backups }, policy)
  }

  #begin(): void {
    const done = this.#attempt().finally(() => {
      this.#work = undefined
    })
    this.#work = { done, since: this.#options.clock.monotonicNow(), isLate: false }
  }

  async #attempt(): Promise<void> {
    try {
      await this.#backUpIfDue()
      this.#streak.end()
    } catch (error) {
      this.#failed(error)
    }
  }

  async #backUpIfDue(): Promise<void> {
    const { place, policy, clock, onEvent } = this.#options
    const found = await place.look(this.#ring.ringId)
    this.#note(found)
    if (!this.#isDue(found)) return
    const made = await place.write(this.#ring, clock.now())
    const others = found.whole.filter(({ name }) => name !== made.name)
    let whole: readonly Backup[] = [...others, made].sort(byGeneration)
    this.#note({ ...found, whole })
    onEvent({ kind: 'backup-made', file: made.name })
    for (const surplus of backupsToDelete(whole, made, policy)) {
      await place.delete(surplus)
      whole = whole.filter((backup) => backup !== surplus)
      this.#note({ ...found, whole })
      onEvent({ kind: 'backup-deleted', file: surplus.name })
    }
  }

  #note(inventory: BackupInventory): void {
    const known = new Set(this.#inventory?.damaged)
    for (const file of inventory.damaged) {
      if (!known.has(file)) this.#options.onEvent({ kind: 'backup-damaged', file })
    }
    if (inventory.sharesDisk && this.#inventory?.sharesDisk !== true) {
      this.#options.onEvent({ kind: 'backup-shares-disk' })
    }
    this.#inventory = inventory
  }

  /** Another attempt beside the one that hangs would hang too, and cost a thread. */
  #noteLate(work: Work): void {
    if (work.isLate || this.#options.clock.monotonicNow() - work.since < DEADLINE_MS) return
    work.isLate = true
    this.#failed(
      new KeyturnError('backup_stalled', 'a backup does not end', {
        remedy: 'look at the disk of the backups: it does not answer',
      }),
    )
  }

  #failed(error: unknown): void {
    const { clock, onEvent } = this.#options
    const failure = this.#streak.add(error)
    this.#notBefore = clock.monotonicNow() + failure.retryInMs
    onEvent({ kind: 'backup-failed', error, ...failure })
  }
}
