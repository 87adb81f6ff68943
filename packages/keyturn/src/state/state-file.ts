import { constants, type Stats } from 'node:fs'
import { lstat, mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { KeyturnError } from '@keyturn/core'

const OTHERS = 0o077

/** The file that holds the state of a data folder. */
export function stateFileOf(dataDir: string): string {
  return join(dataDir, 'state.db')
}

/**
 * Makes sure that the file is there and private; SQLite would create it with the umask's mode.
 *
 * @throws {KeyturnError} `state_missing`, `state_unsafe`, `state_failed`
 */
export async function prepareStateFile(
  dataDir: string,
  { mayCreate }: { readonly mayCreate: boolean },
): Promise<void> {
  const path = stateFileOf(dataDir)
  try {
    assertPrivate(await lstat(path), path)
    return
  } catch (error) {
    if (error instanceof KeyturnError) throw error
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw unusable(path, error)
  }
  if (!mayCreate) {
    throw new KeyturnError('state_missing', `no ${path}`, {
      remedy: 'start the authority once, restore the file, or begin without clients: keyturn serve --init',
    })
  }
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    const { uid, gid } = await lstat(dataDir)
    const file = await open(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600)
    if (process.geteuid?.() === 0) await file.chown(uid, gid)
    await file.close()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return
    throw unusable(path, error)
  }
}

function assertPrivate(stats: Stats, path: string): void {
  const user = process.geteuid?.()
  const isOwn = user === undefined || user === 0 || stats.uid === user
  if (stats.isFile() && (stats.mode & OTHERS) === 0 && isOwn) return
  throw new KeyturnError(
    'state_unsafe',
    `${path}: expected a file that only its owner, who runs this, can read`,
    {
      remedy: `chmod 0600 ${path}, and run as its owner`,
    },
  )
}

function unusable(path: string, cause: unknown): KeyturnError {
  const errno = (cause as NodeJS.ErrnoException).code ?? 'unknown error'
  return new KeyturnError('state_failed', `cannot work with ${path} (${errno})`, {
    remedy: 'check that the disk is mounted, has space and lets this user write',
    cause,
  })
}
