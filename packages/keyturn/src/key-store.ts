import { KeyturnError } from '@keyturn/core'
import {
  type BeginningTerms,
  FileKeyStore,
  type KeyStore,
  MemoryKeyStore,
  type Sealing,
} from '@keyturn/keyring'
import type { AuthorityConfig } from './config/load-config.ts'
import { keysFolderOf } from './data-folder.ts'
import { JweSealer } from './sealing/jwe-sealer.ts'
import { hasStateFile } from './state/state-file.ts'

/** What a command or a start may do beyond the ordinary. By default a ring is expected in files beside a state. */
export type KeyStoreLicence = BeginningTerms & Pick<Sealing, 'acceptUnsealed'>

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
  const { store, database, dataDir, policy } = config
  const options = {
    ...sealingOf(config),
    ...licence,
    expectsRing: licence.expectsRing ?? (store === 'file' && (await mayHaveState(dataDir))),
    pollMs: policy.timing.storePollMs,
  }
  if (store === 'file') return new FileKeyStore({ ...options, directory: keysFolderOf(dataDir) })
  if (database !== undefined) {
    // the driver is loaded by who has a database
    const { PostgresKeyStore } = await import('@keyturn/keyring/postgres')
    return new PostgresKeyStore({ ...options, url: database.url })
  }
  throw new KeyturnError(
    'store_not_shared',
    'the key ring is in the memory of the authority, where no command reaches it',
  )
}

/** What seals the ring of this configuration, and backups of it. */
export function sealingOf({ encryptionKeys: [newest, ...older] }: AuthorityConfig): Sealing {
  return newest === undefined ? {} : { sealer: new JweSealer([newest, ...older]) }
}

/** What cannot be looked at may be there. A command on a database does not look: the disk of the state may be what is broken. */
async function mayHaveState(dataDir: string): Promise<boolean> {
  return await hasStateFile(dataDir).catch(() => true)
}
