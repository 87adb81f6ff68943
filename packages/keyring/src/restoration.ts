import { KeyturnError } from '@keyturn/core'
import type { AuditTrail } from './audit-trail.ts'
import { NO_AUDIT, saveAudited } from './audited-save.ts'
import { rememberExposure } from './changes.ts'
import { assertRing, effectiveNow, inUseUntil, type KeyRing } from './ring.ts'
import { isUnopenable, type KeyStore, RingCorrupt, type RingUnopened } from './stores/key-store.ts'
import { aheadOf } from './stores/store-clock.ts'
import { propagationOf, type Timing } from './timing.ts'

/**
 * How many writes a ring may be ahead of its backup. A verifier refuses a set that is older than the one it has. Also the second
 * restore of one backup must be ahead of the first and its writes: the clock is, at fewer than ten writes a second.
 */
const GENERATIONS_AHEAD = 1_000_000
const TICK_MS = 100

/** When and how a ring is restored. */
export interface RestoreOptions {
  readonly now: number
  /** Of today's settings: sets may have been served by them that the backup knows nothing of. */
  readonly timing: Timing
  readonly audit?: AuditTrail
  /** Replaces a ring that is whole, but that no key opens, since that key is lost. It is kept aside. Default `false`. */
  readonly replaceUnopened?: boolean
  /** The latest generation of this ring that is known to have been, from elsewhere than the store: an audit log. Default 0. */
  readonly latestGeneration?: number
}

/**
 * Puts a ring out of a backup into a store that has lost its own. It is published and verifies, but signs nothing until
 * {@link KeyManager.confirm}: it may be old, and not know of a key that was revoked since. A ring that is held already gives
 * way to another backup, and stays as it is for the same one.
 *
 * @throws {KeyturnError} `restore_refused` where the store holds a ring that is whole, and what the store throws: `kek_unknown`
 * and `ring_sealed` without `replaceUnopened`
 */
export async function restoreRing(
  store: KeyStore,
  backup: KeyRing,
  { now, timing, audit = NO_AUDIT, replaceUnopened = false, latestGeneration = 0 }: RestoreOptions,
): Promise<KeyRing> {
  const newest = await store.load().catch((error: unknown) => {
    if (error instanceof RingCorrupt || (replaceUnopened && isUnopenable(error))) return error
    throw error
  })
  if (newest !== undefined && !(newest instanceof KeyturnError)) {
    if (isOf(newest, backup)) return newest
    if (newest.held === null) throw restoreRefused()
  }
  if (isUnopenable(newest)) await setAside(store, newest)
  const lost = newest?.generation ?? 0
  const latest = Math.max(lost, latestGeneration)
  const at = now + aheadOf(store)
  const restored = restoredRing(rememberExposure(backup, timing, at), latest, at)
  const predecessor = { before: undefined, expectedGeneration: lost }
  const { saved } = await saveAudited({ store, audit }, restored, predecessor)
  return saved
}

/**
 * When every verifier knows the keys of a restored ring, so that it can be confirmed without a token being refused. The ring knows how
 * long sets were cached until its backup was made, and since it was restored; what was between only the operator knows.
 */
export function knownEverywhereAt(restored: KeyRing, timing: Timing): number {
  return inUseUntil(restored, restored.writtenAt) + propagationOf(timing)
}

/** The ring of a backup as a generation that is ahead of all that was published. */
function restoredRing(backup: KeyRing, lostGeneration: number, now: number): KeyRing {
  const generation =
    Math.max(backup.generation, lostGeneration, Math.floor(now / TICK_MS)) + GENERATIONS_AHEAD
  const restored: KeyRing = Object.freeze({
    ...backup,
    generation,
    publishedVersion: generation,
    writtenAt: effectiveNow(backup, now),
    held: Object.freeze({ generation: backup.generation, writtenAt: backup.writtenAt }),
  })
  assertRing(restored, restored.writtenAt)
  return restored
}

async function setAside(store: KeyStore, cause: RingUnopened): Promise<void> {
  if (store.setAside === undefined) throw cause
  await store.setAside()
}

/** The ring is held, and came out of this backup. */
function isOf({ ringId, held }: KeyRing, backup: KeyRing): boolean {
  return (
    ringId === backup.ringId && held?.generation === backup.generation && held.writtenAt === backup.writtenAt
  )
}

function restoreRefused(): KeyturnError {
  return new KeyturnError(
    'restore_refused',
    'the store holds a ring that is whole, and newer or another one',
    {
      remedy:
        'if it came out of this backup and is confirmed, nothing is left to do; to replace it, stop the authority, and put what is ' +
        'there away first: the keys folder, or the tables in the database',
    },
  )
}
