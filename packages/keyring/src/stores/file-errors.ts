import { lstat } from 'node:fs/promises'
import { errnoOf, KeyturnError } from '@keyturn/core'
import { assertPrivateFile } from './private-files.ts'

/** Gives errors of the file system a code of ours and a remedy. */
export async function guarded<T>(
  verb: 'read' | 'write',
  directory: string,
  action: () => Promise<T>,
): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof KeyturnError) throw error
    const { path = directory } = error as NodeJS.ErrnoException
    throw new KeyturnError('store_failed', `cannot ${verb} the ring: ${errnoOf(error)} at ${path}`, {
      remedy: remedyOf(error as NodeJS.ErrnoException, directory),
      cause: error,
    })
  }
}

function remedyOf({ code, syscall }: NodeJS.ErrnoException, directory: string): string {
  if (code === 'EACCES') {
    const user = process.geteuid?.() ?? 'USER'
    return `run it as the owner, or as root: chown -R ${user} ${directory} && chmod -R u=rwX,go= ${directory}`
  }
  return syscall === 'link'
    ? 'put the folder on a file system that has hard links'
    : 'check that the disk is mounted, has space and lets this user write'
}

/** There was a ring, or should be one. */
export function ringMissing(directory: string): KeyturnError {
  return new KeyturnError('ring_missing', `no ring in ${directory}, though there is an installation`, {
    remedy:
      'mount the volume, or: keyturn keys restore FILE; to give up all keys and begin anew: keyturn serve --init',
  })
}

/** A file that is missing is none; one that is a link, or somebody else's, says so. */
export async function explainUnreadable(error: unknown, path: string): Promise<undefined> {
  const stats = ['ELOOP', 'EACCES'].includes(errnoOf(error)) ? await lstat(path) : undefined
  if (stats !== undefined) assertPrivateFile(stats, path)
  return ignoreMissing(error)
}

/** What is missing is `undefined`, and anything else an error. */
export function ignoreMissing(error: unknown): undefined {
  if (errnoOf(error) === 'ENOENT') return undefined
  throw error
}
