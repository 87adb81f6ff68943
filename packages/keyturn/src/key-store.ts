import { join } from 'node:path'
import { KeyturnError } from '@keyturn/core'
import { FileKeyStore, type KeyStore, MemoryKeyStore } from '@keyturn/keyring'
import type { AuthorityConfig } from './config/load-config.ts'
import { stateFileOf } from './state/state-file.ts'

/** The folder that holds the ring of a data folder. */
export function keysFolderOf(dataDir: string): string {
  return join(dataDir, 'keys')
}

/** The key store of an authority that is going to serve. */
export function openKeyStore(config: AuthorityConfig, options: { readonly initialize: boolean }): KeyStore {
  return config.store === 'memory' ? new MemoryKeyStore() : fileKeyStore(config, options.initialize)
}

/**
 * The key store of an authority as an operator's command reaches it, whether the authority is up or down.
 *
 * @throws {KeyturnError} `store_not_shared` where the ring is in the authority's memory
 */
export function openSharedKeyStore(config: AuthorityConfig, options = { initialize: false }): KeyStore {
  if (config.store === 'file') return fileKeyStore(config, options.initialize)
  throw new KeyturnError(
    'store_not_shared',
    'the key ring is in the memory of the authority, where no command reaches it',
  )
}

function fileKeyStore({ dataDir, policy }: AuthorityConfig, initialize: boolean): KeyStore {
  return new FileKeyStore({
    directory: keysFolderOf(dataDir),
    pollMs: policy.timing.storePollMs,
    beside: [stateFileOf(dataDir)],
    initialize,
  })
}
