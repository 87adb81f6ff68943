import { changesBetween, type KeyRing } from '@keyturn/keyring'
import { type Backup, byGeneration } from './backup-name.ts'

/** How often, and how many. */
export interface BackupPolicy {
  readonly intervalMs: number
  /** So many are kept, at least 1. */
  readonly keep: number
}

/** What is known when it is asked whether a backup is due. */
export interface BackupSituation {
  readonly now: number
  /** Of the ring in memory. */
  readonly generation: number
  /** A backup of an earlier generation lacks something that matters. */
  readonly neededGeneration: number
  /** Those of this ring that are whole. */
  readonly backups: readonly Backup[]
  /** How much later than it could this process does it, so that replicas which share a folder do not do it together. */
  readonly spreadMs: number
}

/** A ring that changes all the time is not backed up more often. */
const LEAST_GAP_MS = 60_000
/** Beyond what clocks of replicas are apart. */
const FUTURE_MS = 60_000
/** Without these a restored ring is as good. */
const OF_NO_MATTER: ReadonlySet<string> = new Set(['key-erased', 'key-removed', 'exposure-changed'])

/** Says whether a backup of the earlier ring would be of little use: it lacks a key, or does not know of a revocation. */
export function needsBackup(before: KeyRing, after: KeyRing): boolean {
  return changesBetween(before, after).some(({ change }) => !OF_NO_MATTER.has(change))
}

/** Milliseconds until a backup is due; 0 when it is; infinite where somebody else has backed up a later ring already. */
export function untilBackupMs(situation: BackupSituation, { intervalMs }: BackupPolicy): number {
  const { now, generation, neededGeneration, backups, spreadMs } = situation
  if (backups.some((backup) => backup.generation > generation)) return Number.POSITIVE_INFINITY
  // one of the future was made before the clock was set back, and says nothing of how long ago that was
  const lastAt = Math.max(...backups.map(({ madeAt }) => madeAt).filter((at) => at <= now + FUTURE_MS))
  if (lastAt === Number.NEGATIVE_INFINITY) return 0
  const isCovered = backups.some((backup) => backup.generation >= neededGeneration)
  const gapMs = isCovered ? intervalMs : Math.min(intervalMs, LEAST_GAP_MS)
  return Math.max(0, lastAt + gapMs + spreadMs - now)
}

/**
 * Those that are beyond what is kept, the earliest first: of whole backups of one ring, and none that is later than the one
 * which has just been made and read back.
 */
export function backupsToDelete(
  whole: readonly Backup[],
  made: Backup,
  { keep }: BackupPolicy,
): readonly Backup[] {
  const earlier = whole.filter((backup) => byGeneration(backup, made) < 0).sort(byGeneration)
  return earlier.slice(0, Math.max(0, whole.length - keep))
}
