import { activeKey, findKey, type KeyManager, stateOf } from '@keyturn/keyring'
import type { BackupKeeper } from '../backups/backup-keeper.ts'
import type { DiskWatch, VolumeName } from './disk-watch.ts'

/** What the gauges read when they are asked. */
export interface MetricsSources {
  readonly keys: KeyManager
  readonly disks: Pick<DiskWatch, 'health'>
  readonly backups: Pick<BackupKeeper, 'health'> | undefined
}

/** A number that is read when somebody asks for it. */
export interface Gauge {
  readonly name: string
  readonly help: string
  /** May throw, while what it reads is broken; NaN where there is nothing to read. */
  read(sources: MetricsSources): number
}

/** Every gauge of one series. */
export const GAUGES: readonly Gauge[] = Object.freeze([
  {
    name: 'keyturn_active_key_age_seconds',
    help: 'Since the active key began to sign',
    read: ({ keys }) => seconds(keys.now - activeKey(keys.ring(), keys.now).activateAt),
  },
  {
    name: 'keyturn_next_activation_seconds',
    help: 'Until the next key signs; NaN without one',
    read: ({ keys }) => seconds((nextKey(keys)?.activateAt ?? Number.NaN) - keys.now),
  },
  {
    name: 'keyturn_next_key_ready',
    help: '1 while there is a next key',
    read: ({ keys }) => Number(nextKey(keys) !== undefined),
  },
  {
    name: 'keyturn_rotation_overdue',
    help: '1 while there is no next key, and it is too late for one to sign on time',
    read: ({ keys }) => Number(keys.health().rotationOverdue),
  },
  {
    name: 'keyturn_published_keys',
    help: 'Keys in the published set',
    read: ({ keys }) => keys.publicJwks().keys.length,
  },
  {
    name: 'keyturn_revoked_keys',
    help: 'Keys revoked before their last token expired',
    read: ({ keys }) => keys.ring().keys.filter((key) => stateOf(key, keys.now) === 'revoked').length,
  },
  {
    name: 'keyturn_ring_generation',
    help: 'Generation of the ring in memory',
    read: ({ keys }) => keys.ring().generation,
  },
  {
    name: 'keyturn_ring_snapshot_age_seconds',
    help: 'Since the ring in memory was last known to be the one in the store',
    read: ({ keys }) => seconds(keys.health().snapshotAgeMs),
  },
  {
    name: 'keyturn_ring_integrity',
    help: '1 while the store can be read, and holds the ring of this process',
    read: ({ keys }) => Number(keys.health().storeError === undefined),
  },
  {
    name: 'keyturn_rotation_failures_consecutive',
    help: 'Failed steps since the last that succeeded',
    read: ({ keys }) => keys.health().consecutiveFailures,
  },
  {
    name: 'keyturn_state_integrity',
    help: '1 while state.db is the file that this process has open',
    read: ({ disks }) => Number(disks.health().stateError === undefined),
  },
  {
    name: 'keyturn_data_volume_used_ratio',
    help: 'Used part of the volume of the data folder',
    read: (sources) => usedRatio(sources, 'data'),
  },
  {
    name: 'keyturn_backup_volume_used_ratio',
    help: 'Used part of the volume of scheduled backups; NaN where there are none',
    read: (sources) => usedRatio(sources, 'backup'),
  },
  {
    name: 'keyturn_volumes_nearly_full',
    help: 'Of these two, how many are more than nine tenths full with less than 1 GiB left',
    read: ({ disks }) => Object.values(disks.health().volumes).filter(({ nearlyFull }) => nearlyFull).length,
  },
  {
    name: 'keyturn_last_backup_age_seconds',
    help: 'Since the newest scheduled backup that is whole was made; NaN without one',
    read: ({ backups }) => seconds(backups?.health().newest?.ageMs ?? Number.NaN),
  },
] satisfies readonly Gauge[])

/** For how much longer each retired key stays published, in seconds. */
export function graceOfRetired(keys: KeyManager): readonly (readonly [kid: string, graceSeconds: number])[] {
  const { now } = keys
  const retired = keys.ring().keys.filter((key) => stateOf(key, now) === 'retired')
  return retired.map(({ kid, publishUntil }) => [kid, seconds((publishUntil ?? now) - now)])
}

function nextKey(keys: KeyManager) {
  return findKey(keys.ring(), 'next', keys.now)
}

function usedRatio({ disks }: MetricsSources, name: VolumeName): number {
  return disks.health().volumes[name]?.usedRatio ?? Number.NaN
}

function seconds(ms: number): number {
  return ms / 1000
}
