import type { KeyManager, KeyringHealth } from '@keyturn/keyring'
import type { BackupHealth, BackupKeeper } from '../backups/backup-keeper.ts'
import type { DiskHealth, DiskWatch } from './disk-watch.ts'

/** State of an authority. */
export interface AuthorityHealth extends KeyringHealth {
  readonly disks: DiskHealth
  /** Missing where no backups are scheduled. */
  readonly backups?: BackupHealth
}

/** Whose health makes up that of an authority. */
export interface HealthSources {
  readonly keys: KeyManager
  readonly disks: DiskWatch
  readonly backups: BackupKeeper | undefined
}

/** How the authority fares: `degraded` when any part of it is. Reads memory only. */
export function authorityHealth({ keys, disks, backups }: HealthSources): AuthorityHealth {
  const ring = keys.health()
  const parts = { disks: disks.health(), ...(backups !== undefined && { backups: backups.health() }) }
  const isWell = [ring, ...Object.values(parts)].every(({ status }) => status === 'ok')
  return { ...ring, ...parts, status: isWell ? 'ok' : 'degraded' }
}
