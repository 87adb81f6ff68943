import { readdir } from 'node:fs/promises'
import { errnoOf, KeyturnError, systemClock } from '@keyturn/core'
import type { KeyManager, KeyStore } from '@keyturn/keyring'
import { assertUnshared, removeAbandoned } from '@keyturn/keyring/private-files'
import { isRolledBack } from './audit/inspection.ts'
import type { AuthorityConfig } from './config/load-config.ts'
import { keysFolderOf } from './data-folder.ts'
import { openKeyStore, sealingOf } from './key-store.ts'
import { SqliteState } from './state/sqlite-state.ts'

/** A key ring and a state that belong together. Either without the other is noticed, and never made anew in silence. */
export interface Installation {
  readonly store: KeyStore
  readonly state: SqliteState
  /** Its first start is not through: ring, state or first client are still to be made. */
  readonly isNew: boolean
  /** Writes down that it is, so that ring and state know each other. */
  complete(keys: KeyManager): Promise<void>
}

/** What a state belongs to whose ring does not outlive the process. */
const IN_MEMORY = 'memory'

/**
 * Opens what there is. The state is made first and says so until the ring is there too, so that a start which was killed
 * in between is taken up again, and a ring or a state that was lost later is not.
 *
 * @param initialize makes what is missing even beside the rest of an installation
 * @throws {KeyturnError} `installation_mixed`, and what the stores throw
 */
export async function openInstallation(config: AuthorityConfig, initialize: boolean): Promise<Installation> {
  const { dataDir } = config
  await assertUnshared(dataDir)
  await assertSealerWorks(config)
  // also where the ring is in memory: keys in the folder say that there was a state
  const mayCreate = initialize || !(await hasKeys(dataDir))
  const state = await SqliteState.open({ dataDir, mayCreate })
  let store: KeyStore | undefined
  try {
    const ringId = await state.ringId()
    const isNew = ringId === undefined
    const expectsRing = !isNew && ringId !== IN_MEMORY
    const opened = await openKeyStore(config, { initialize, expectsRing })
    store = opened
    const isKept = config.store !== 'memory'
    const isShared = config.store === 'postgres'
    if (isKept && !initialize) await assertOneInstallation(opened, state, { ringId, isShared })
    await tidy(dataDir)
    return {
      store: opened,
      state,
      isNew,
      complete: async (keys) => {
        const { ringId: id, audit } = keys.ring()
        // a log that was begun anew is from now on the one that the ring remembers
        if (initialize && !isShared && audit?.log !== (await state.logId())) await keys.rewrap()
        if (isKept ? id !== ringId : isNew) await state.bindRing(isKept ? id : IN_MEMORY)
      },
    }
  } catch (error) {
    await store?.close?.()
    await state.close()
    throw error
  }
}

/** A key-encryption key that cannot be reached must be known before there is anything to seal. */
async function assertSealerWorks(config: AuthorityConfig): Promise<void> {
  const { sealer } = sealingOf(config)
  await sealer?.open(await sealer.seal(Buffer.from('canary')))
}

async function hasKeys(dataDir: string): Promise<boolean> {
  const names = await readdir(keysFolderOf(dataDir)).catch((error: unknown) => {
    // what cannot be read is for the key store to explain
    return errnoOf(error) === 'ENOENT' ? [] : ['unreadable']
  })
  return names.length > 0
}

/** Starts that were killed leave secrets in files without an owner. That they cannot be removed is no reason not to start. */
async function tidy(dataDir: string): Promise<void> {
  for (const folder of [dataDir, keysFolderOf(dataDir)])
    await removeAbandoned(folder, systemClock.now()).catch(() => {})
}

/**
 * The state knows its ring, and the ring knows the audit log in which its last write is. Where replicas share the ring each has a
 * log of its own, and the last write may be in another.
 */
async function assertOneInstallation(
  store: KeyStore,
  state: SqliteState,
  { ringId, isShared }: { readonly ringId: string | undefined; readonly isShared: boolean },
): Promise<void> {
  const ring = await store.load()
  if (ring === undefined) return
  const isOtherRing = ringId !== undefined && ringId !== IN_MEMORY && ringId !== ring.ringId
  const isOtherLog = !isShared && ring.audit !== null && ring.audit.log !== (await state.logId())
  if (!isOtherRing && !isOtherLog) {
    if (isRolledBack(ring.generation, await state.lines())) throw rolledBack(ring.generation, isShared)
    return
  }
  throw new KeyturnError('installation_mixed', 'the key ring and the state are of two installations', {
    remedy: 'put back the file or folder that belongs; or, to go on with these two: keyturn serve --init',
  })
}

function rolledBack(generation: number, isShared: boolean): KeyturnError {
  const way = isShared
    ? 'put back the newest state of the database, or drop its tables'
    : 'put back the newest ring file, or move the keys folder away'
  return new KeyturnError(
    'ring_rolled_back',
    `the key ring is at generation ${generation}, and the audit log knows of later ones`,
    {
      remedy: `${way} and: keyturn keys restore FILE; to go on with this one: keyturn serve --init`,
    },
  )
}
