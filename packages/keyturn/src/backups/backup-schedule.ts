import { changesBetween, type KeyRing } from '@keyturn/keyring'
import { type Backup, byGeneration } from './backup-name.ts'

/** How often, and how many. */
export interface BackupPolicy {
  readonly intervalMs: number
  /** So many are kept, at least 1. */
  readonly keep: number
}

/** A ring in memory, and what the folder holds of it. */
export interface BackupState {
  readonly now: number
  readonly ring: Pick<KeyRing, 'generation' | 'held'>
  /** Those of this ring that are whole. */
  readonly backups: readonly Backup[]
}

/** What is known when it is asked whether a backup is due. */
export interface BackupSituation extends BackupState {
  /** A backup of an earlier generation lacks something that matters. */
  readonly neededGeneration: number
  /** How much later than it could this process does it, so that replicas which share a folder do not do it together. */
  readonly spreadMs: number
}

/** A ring that changes all the time is not backed up more often. */
const LEAST_GAP_MS = 60_000
/** Beyond what clocks of replicas are apart. */
const FUTURE_MS = 60_000
/** Beyond what a spread and a few attempts take. */
const LATE_RATIO = 1.1
const LATE_MS = 60_000
/** Without these a restored ring is as good. */
const OF_NO_MATTER: ReadonlySet<string> = new Set(['key-erased', 'key-removed', 'exposure-changed'])

/** Says whether a backup of the earlier ring would be of little use: it lacks a key, or does not know of a revocation. */
export function needsBackup(before: KeyRing, after: KeyRing): boolean {
  return changesBetween(before, after).some(({ change }) => !OF_NO_MATTER.has(change))
}

/**
 * Those that the ring continues. One of a later generation is of a ring that was rolled back since, or that this process has
 * not seen: neither is a backup of what it has.
 */
export function backupsOf(
  { generation }: Pick<KeyRing, 'generation'>,
  backups: readonly Backup[],
): readonly Backup[] {
  return backups.filter((backup) => backup.generation <= generation)
}

/** Milliseconds until a backup is due; 0 when it is; infinite while the ring is held, since it may be the wrong one. */
export function untilBackupMs(situation: BackupSituation, { intervalMs }: BackupPolicy): number {
  const { now, ring, neededGeneration, backups, spreadMs } = situation
  if (ring.held !== null) return Number.POSITIVE_INFINITY
  const lastAt = lastMadeAt(situation)
  if (lastAt === Number.NEGATIVE_INFINITY) return 0
  const isCovered = backupsOf(ring, backups).some((backup) => backup.generation >= neededGeneration)
  const gapMs = isCovered ? intervalMs : Math.min(intervalMs, LEAST_GAP_MS)
  return Math.max(0, lastAt + gapMs + spreadMs - now)
}

/** Says whether the last backup is older than it should be, whatever the reason. */
export function isOverdue(state: BackupState, { intervalMs }: BackupPolicy): boolean {
  return state.ring.held === null && state.now > lastMadeAt(state) + intervalMs * LATE_RATIO + LATE_MS
}

/**
 * Those that are beyond what is kept, the earliest first: of whole backups of one ring, and none that is later than the one
 * which has just been made and read back. A later one does not count among what is kept either.
 */
export function backupsToDelete(
  whole: readonly Backup[],
  made: Backup,
  { keep }: BackupPolicy,
): readonly Backup[] {
  const earlier = whole.filter((backup) => byGeneration(backup, made) < 0).sort(byGeneration)
  return earlier.slice(0, Math.max(0, backupsOf(made, whole).length - keep))
}

/** One of the future was made before the clock was set back, and says nothing of how long ago that was. */
function lastMadeAt({ now, ring, backups }: BackupState): number {
  const times = backupsOf(ring, backups).map(({ madeAt }) => madeAt)
  return Math.max(...times.filter((at) => at <= now + FUTURE_MS))
}
