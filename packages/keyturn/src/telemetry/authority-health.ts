import type { KeyManager, KeyringHealth } from '@keyturn/keyring'
import type { BackupHealth, BackupKeeper } from '../backups/backup-keeper.ts'

/** State of an authority. */
export interface AuthorityHealth extends KeyringHealth {
  /** Missing where no backups are scheduled. */
  readonly backups?: BackupHealth
}

/** Whose health makes up that of an authority. */
export interface HealthSources {
  readonly keys: KeyManager
  readonly backups: BackupKeeper | undefined
}

/** How the authority fares: `degraded` when any part of it is. Reads memory only. */
export function authorityHealth({ keys, backups }: HealthSources): AuthorityHealth {
  const ring = keys.health()
  const parts = { ...(backups !== undefined && { backups: backups.health() }) }
  const isWell = [ring, ...Object.values(parts)].every(({ status }) => status === 'ok')
  return { ...ring, ...parts, status: isWell ? 'ok' : 'degraded' }
}
