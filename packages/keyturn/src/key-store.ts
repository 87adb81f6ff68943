import { KeyturnError } from '@keyturn/core'
import {
  FileKeyStore,
  type FileKeyStoreOptions,
  type KeyStore,
  MemoryKeyStore,
  type Sealing,
} from '@keyturn/keyring'
import type { AuthorityConfig } from './config/load-config.ts'
import { keysFolderOf } from './data-folder.ts'
import { JweSealer } from './sealing/jwe-sealer.ts'
import { stateFileOf } from './state/state-file.ts'

/** What a command or a start may do beyond the ordinary. */
export interface KeyStoreLicence extends Pick<FileKeyStoreOptions, 'initialize' | 'acceptUnsealed'> {
  /** The state knows of no ring, so that there may be none yet. */
  readonly mayBegin?: boolean
}

/** The key store of an authority that is going to serve. */
export async function openKeyStore(config: AuthorityConfig, licence: KeyStoreLicence): Promise<KeyStore> {
  return config.store === 'memory' ? new MemoryKeyStore() : await openSharedKeyStore(config, licence)
}

/**
 * The key store of an authority as an operator's command reaches it, whether the authority is up or down.
 *
 * @throws {KeyturnError} `store_not_shared` where the ring is in the authority's memory
 */
export async function openSharedKeyStore(
  config: AuthorityConfig,
  licence: KeyStoreLicence = {},
): Promise<KeyStore> {
  if (config.store === 'file') return fileKeyStore(config, licence)
  if (config.database !== undefined) return await postgresKeyStore(config, config.database.url, licence)
  throw new KeyturnError(
    'store_not_shared',
    'the key ring is in the memory of the authority, where no command reaches it',
  )
}

/** What seals the ring of this configuration, and backups of it. */
export function sealingOf({ encryptionKeys: [newest, ...older] }: AuthorityConfig): Sealing {
  return newest === undefined ? {} : { sealer: new JweSealer([newest, ...older]) }
}

function fileKeyStore(config: AuthorityConfig, licence: KeyStoreLicence): KeyStore {
  const { dataDir, policy } = config
  const { initialize = false, mayBegin = false, acceptUnsealed } = licence
  return new FileKeyStore({
    ...sealingOf(config),
    acceptUnsealed,
    // the state is there before the ring is, and must not pass for the rest of one
    initialize: initialize || mayBegin,
    directory: keysFolderOf(dataDir),
    pollMs: policy.timing.storePollMs,
    beside: [stateFileOf(dataDir)],
  })
}

/**
 * Its tables say themselves whether there ever was a ring; whether there was one elsewhere the state knows. Its driver is loaded
 * by who has a database.
 */
async function postgresKeyStore(
  config: AuthorityConfig,
  url: string,
  licence: KeyStoreLicence,
): Promise<KeyStore> {
  const { PostgresKeyStore } = await import('@keyturn/keyring/postgres')
  const { initialize = false, mayBegin = false, acceptUnsealed } = licence
  return new PostgresKeyStore({
    ...sealingOf(config),
    acceptUnsealed,
    initialize,
    expectsRing: !mayBegin,
    url,
    pollMs: config.policy.timing.storePollMs,
  })
}
