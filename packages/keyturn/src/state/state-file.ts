import { link, lstat, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { errnoOf, KeyturnError } from '@keyturn/core'
import {
  assertPrivateFile,
  makePrivateFolder,
  syncFolder,
  temporaryPath,
  writePrivateFile,
} from '@keyturn/keyring/private-files'

/** The file that holds the state of a data folder. */
export function stateFileOf(dataDir: string): string {
  return join(dataDir, 'state.db')
}

/**
 * Says whether the file is there, and asserts that it is private.
 *
 * @throws {KeyturnError} `store_unsafe`, `state_failed`
 */
export async function hasStateFile(dataDir: string): Promise<boolean> {
  const path = stateFileOf(dataDir)
  return await guarded(path, async () => {
    const stats = await lstat(path).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return undefined
      throw error
    })
    if (stats !== undefined) assertPrivateFile(stats, path)
    return stats !== undefined
  })
}

/** Which file it is, and not only where. */
export interface FileIdentity {
  readonly dev: bigint
  readonly ino: bigint
}

/**
 * Which file the state is.
 *
 * @throws {KeyturnError} `state_missing`, `state_failed`
 */
export async function stateIdentityOf(dataDir: string): Promise<FileIdentity> {
  const path = stateFileOf(dataDir)
  return await guarded(path, async () => {
    const stats = await lstat(path, { bigint: true }).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return undefined
      throw error
    })
    if (stats === undefined) throw stateLost('state_missing', `${path} is gone`)
    return { dev: stats.dev, ino: stats.ino }
  })
}

/**
 * Asserts that the file is still the one that was opened. What is written into one that was unlinked, or that is on a volume which
 * was unmounted, ends with the process.
 *
 * @throws {KeyturnError} `state_missing`, `state_replaced`, `state_failed`
 */
export async function assertStateInPlace(dataDir: string, opened: FileIdentity): Promise<void> {
  const { dev, ino } = await stateIdentityOf(dataDir)
  if (dev === opened.dev && ino === opened.ino) return
  throw stateLost('state_replaced', `${stateFileOf(dataDir)} is another file than this process has open`)
}

function stateLost(code: 'state_missing' | 'state_replaced', what: string): KeyturnError {
  return new KeyturnError(code, what, {
    remedy: 'mount the volume or put the file back, or restart the authority with the one that is to count',
  })
}

/**
 * Makes the file under another name, has it filled, and gives it its own name when it is whole: a state that is empty or
 * half made was never ours. Leaves alone what somebody else made meanwhile.
 *
 * @throws {KeyturnError} `state_failed`
 */
export async function createStateFile(dataDir: string, fill: (path: string) => Promise<void>): Promise<void> {
  const path = stateFileOf(dataDir)
  await guarded(path, async () => {
    await makePrivateFolder(dataDir)
    const unfinished = temporaryPath(dataDir, 'state')
    // SQLite would make it with the mode of the umask
    await writePrivateFile(unfinished, '', await stat(dataDir))
    try {
      await fill(unfinished)
      await link(unfinished, path).catch((error: unknown) => {
        if (errnoOf(error) !== 'EEXIST') throw error
      })
    } finally {
      await unlink(unfinished)
    }
    await syncFolder(dataDir)
  })
}

/** What stands in the place of the state is none. */
export function stateCorrupt(path: string, what: string): KeyturnError {
  return new KeyturnError('state_corrupt', `${path} ${what}`, {
    remedy: `restore the file; or, to give up all clients: mv ${path} ${path}.corrupt, then keyturn serve --init`,
  })
}

/** Gives errors of the file system a code of ours and a remedy. */
async function guarded<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof KeyturnError) throw error
    const errno = errnoOf(error)
    throw new KeyturnError('state_failed', `cannot work with ${path} (${errno})`, {
      remedy: remedyOf(errno, dirname(path)),
      cause: error,
    })
  }
}

function remedyOf(errno: string, folder: string): string {
  if (errno === 'EACCES' || errno === 'EPERM')
    return `run it as the user to whom ${folder} belongs, or name another folder: --data-dir`
  if (errno === 'ENOTDIR' || errno === 'EEXIST') return `name a folder, which ${folder} is not: --data-dir`
  return 'check that the disk is mounted, has space and lets this user write'
}
