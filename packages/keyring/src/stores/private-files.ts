import { randomUUID } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import { chmod, type FileHandle, link, lstat, mkdir, open, readdir, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { errnoOf, KeyturnError } from '@keyturn/core'

/**
 * Files and folders that hold secrets: only their owner reads them, whatever the umask; nobody else can put something in
 * their place; and an operator who is root leaves them to whom they belong.
 */

/** Who a file belongs to. */
export interface Owner {
  readonly uid: number
  readonly gid: number
}

/** What a file that is not whole yet becomes. */
export type TemporaryKind = 'ring' | 'backup' | 'state' | 'bootstrap' | 'root'

const OTHERS = 0o077
const WRITABLE_BY_OTHERS = 0o022
const WRITABLE_BY_ALL = 0o002
const STICKY = 0o1000
/** Other programs name their temporary files alike: only a kind of ours with a random UUID (RFC 9562, section 5.4) is ours. */
const TEMPORARY =
  /^\.(ring|backup|state|bootstrap|root)\.[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}\.tmp(-journal|-wal|-shm)?$/
/** Nobody who lives takes longer between making a file and giving it its name; and who does fails, and tries again. */
const ABANDONED_AFTER_MS = 600_000

/**
 * Asserts that a folder is one, and of nobody else.
 *
 * @throws {KeyturnError} `store_unsafe`
 */
export async function assertPrivateFolder(path: string): Promise<Owner> {
  const stats = await lstat(path)
  if (!stats.isDirectory()) throw unsafe(path, 'a folder, not a link to one', 'move it away')
  if ((stats.mode & OTHERS) !== 0) {
    throw unsafe(path, 'a folder that only its owner can read', `chmod 0700 ${path}`)
  }
  assertOwner(stats, path, 'folder')
  if (isRoot()) await assertUndisputed(stats, path)
  return stats
}

/**
 * Asserts that not everybody can put something in the place of what is in a folder; one that is not there yet will be private.
 *
 * @throws {KeyturnError} `store_unsafe`
 */
export async function assertUnshared(path: string): Promise<void> {
  const { mode } = await stat(path).catch(() => ({ mode: 0 }))
  if ((mode & WRITABLE_BY_ALL) === 0 || (mode & STICKY) !== 0) return
  throw unsafe(path, 'a folder that not everybody can write', `chmod o-w ${path}`)
}

/**
 * Asserts that a file is one, and of nobody else.
 *
 * @throws {KeyturnError} `store_unsafe`
 */
export function assertPrivateFile(stats: Stats, path: string): void {
  if (!stats.isFile())
    throw unsafe(path, 'a regular file, neither a link nor a folder', 'name another, or move it away')
  if ((stats.mode & OTHERS) !== 0) {
    throw unsafe(path, 'a file that only its owner can read', `chmod 0600 ${path}`)
  }
  assertOwner(stats, path, 'file')
}

/**
 * Reads a file that is private: a regular one, and of nobody else.
 *
 * @returns `undefined` for one that is larger than `maxBytes`
 * @throws {KeyturnError} `store_unsafe`
 * @throws what the file system says, `ELOOP` for a link
 */
export async function readPrivateFile(path: string, maxBytes: number): Promise<Buffer | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const stats = await file.stat()
    assertPrivateFile(stats, path)
    return stats.size > maxBytes ? undefined : await file.readFile()
  } finally {
    await file.close()
  }
}

/** Makes a folder 0700 with its parents, each durable, and of the owner of the folder in which the first was made. */
export async function makePrivateFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 })
  if (first !== undefined) {
    await chmod(path, 0o700)
    const owner = await stat(dirname(first))
    for (let made = path; made !== dirname(first); made = dirname(made)) {
      await withFolder(made, async (folder) => {
        if (isRoot()) await folder.chown(owner.uid, owner.gid)
        await folder.sync()
      })
    }
    await syncFolder(dirname(first))
  }
  await syncParents(path)
}

/** A process that was killed may have made any of them on this disk, and not come to make it durable. */
async function syncParents(path: string): Promise<void> {
  const { dev } = await stat(path)
  for (let folder = dirname(path); (await stat(folder)).dev === dev; folder = dirname(folder)) {
    await syncFolder(folder).catch((error: unknown) => {
      // then nothing can have been made in it either
      if (errnoOf(error) !== 'EACCES') throw error
    })
    if (folder === dirname(folder)) return
  }
}

/**
 * Writes a new file, 0600 and durable. Its name is durable once its folder is: {@link syncFolder}. A file that could not
 * be written is taken away again.
 *
 * @throws `EEXIST` of the file system where there is something already
 */
export async function writePrivateFile(
  path: string,
  bytes: Uint8Array | string,
  owner: Owner,
): Promise<void> {
  const { O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW } = constants
  const file = await open(path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600)
  try {
    await file.chmod(0o600)
    if (isRoot()) await file.chown(owner.uid, owner.gid)
    await file.writeFile(bytes)
    await file.sync()
  } catch (error) {
    await unlink(path).catch(() => {})
    throw error
  } finally {
    await file.close()
  }
}

/**
 * Makes a file, as {@link writePrivateFile} does, that is whole from when it has its name; durable when it resolves.
 *
 * @throws `EEXIST` of the file system where there is something already
 */
export async function createPrivateFile(
  path: string,
  bytes: Uint8Array | string,
  kind: TemporaryKind,
): Promise<void> {
  const folder = dirname(path)
  const unfinished = temporaryPath(folder, kind)
  await writePrivateFile(unfinished, bytes, await stat(folder))
  try {
    // unlike a rename it never puts one file in the place of another
    await link(unfinished, path)
  } finally {
    // removeAbandoned finds what is left
    await unlink(unfinished).catch(() => {})
  }
  await syncFolder(folder)
}

/** A name for a file of a folder until it is whole. Where its writer is killed, {@link removeAbandoned} finds it. */
export function temporaryPath(folder: string, kind: TemporaryKind): string {
  return join(folder, `.${kind}.${randomUUID()}.tmp`)
}

/** Whether a name is one of {@link temporaryPath}, or of what SQLite puts beside such a file. */
export function isTemporary(name: string): boolean {
  return TEMPORARY.test(name)
}

/**
 * Removes what writers that were killed have left behind: files of {@link temporaryPath} that belong to the owner of the
 * folder, and that nobody has touched for ten minutes. What cannot be removed stays.
 *
 * @param now - Wall clock in milliseconds, by which the age of files is reckoned.
 */
export async function removeAbandoned(folder: string, now: number): Promise<void> {
  const names = (await readdir(folder)).filter(isTemporary)
  if (names.length === 0) return
  const { uid } = await lstat(folder)
  for (const path of names.map((name) => join(folder, name))) {
    const stats = await lstat(path).catch(() => undefined)
    if (!stats?.isFile() || stats.uid !== uid) continue
    // also one of the future: the clock was set back since
    if (Math.abs(now - stats.mtimeMs) > ABANDONED_AFTER_MS) await unlink(path).catch(() => {})
  }
}

/** Makes the names in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  await withFolder(path, (folder) => folder.sync())
}

async function withFolder(path: string, action: (folder: FileHandle) => Promise<void>): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await action(folder)
  } finally {
    await folder.close()
  }
}

function assertOwner(stats: Stats, path: string, kind: 'folder' | 'file'): void {
  const user = process.geteuid?.()
  if (user === undefined || user === 0 || stats.uid === user) return
  throw unsafe(path, `a ${kind} of the user who runs this`, `run it as the owner, or chown ${user} ${path}`)
}

/** Root may work in anybody's folder; but not in one that a third party could have put there. */
async function assertUndisputed(stats: Stats, path: string): Promise<void> {
  const parent = await stat(dirname(path))
  const isOpen = (parent.mode & WRITABLE_BY_OTHERS) !== 0 && (parent.mode & STICKY) === 0
  if (stats.uid === 0 && !isOpen) return
  if (!isOpen && stats.uid === parent.uid) return
  throw unsafe(
    path,
    'a folder of root, or of the owner of the folder around it, which nobody else can write',
    `chown and chmod ${dirname(path)}, or run this as the owner of ${path}`,
  )
}

function isRoot(): boolean {
  return process.geteuid?.() === 0
}

function unsafe(path: string, expected: string, remedy: string): KeyturnError {
  return new KeyturnError('store_unsafe', `${path}: expected ${expected}`, { remedy })
}
