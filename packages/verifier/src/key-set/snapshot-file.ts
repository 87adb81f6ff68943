import { randomUUID } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Clock, errnoOf, JWK_SET_LIMITS, KeyturnError } from '@keyturn/core'
import { openSnapshot, type Snapshot, type SnapshotSeal, sealSnapshot } from './snapshot.ts'
import { removeLeftovers, temporaryOf } from './snapshot-leftovers.ts'

/** Where the last good key set outlives the process; a port. */
export interface SnapshotStore {
  /**
   * `undefined` where there is none.
   *
   * @throws {KeyturnError} `snapshot_refused`, `snapshot_failed`
   */
  read(): Promise<Snapshot | undefined>
  /** @throws {KeyturnError} `snapshot_failed` */
  write(snapshot: Snapshot): Promise<void>
}

/** What a {@link SnapshotFile} goes by. */
export interface SnapshotFileOptions extends SnapshotSeal {
  readonly path: string
  readonly clock: Clock
}

/** Base64 within JSON within JSON. */
const LONGEST_FILE_BYTES = 2 * JWK_SET_LIMITS.bytes + 4096

/**
 * A snapshot in a file of its own: replaced whole, readable for its owner alone. Who can write it can remove it, or put back an older
 * one, which is used as long as a verifier would have used that one, and no longer.
 */
export class SnapshotFile implements SnapshotStore {
  readonly #options: SnapshotFileOptions
  #isTidy = false

  constructor(options: SnapshotFileOptions) {
    this.#options = options
  }

  async read(): Promise<Snapshot | undefined> {
    const { path, clock, ...seal } = this.#options
    const text = await readRegular(path).catch((error) => {
      if (errnoOf(error) === 'ENOENT') return undefined
      throw failed('read', error)
    })
    return text === undefined ? undefined : openSnapshot(text, seal, clock.now())
  }

  async write(snapshot: Snapshot): Promise<void> {
    const { path, clock, ...seal } = this.#options
    const temporary = temporaryOf(path, randomUUID())
    const { rename, unlink } = await files()
    try {
      await writeDurably(temporary, sealSnapshot(snapshot, seal))
      await rename(temporary, path)
      await syncFolder(dirname(path))
    } catch (error) {
      await unlink(temporary).catch(() => {})
      throw failed('write', error)
    }
    if (this.#isTidy) return
    this.#isTidy = true
    await removeLeftovers(path, clock.now())
  }
}

/** Loaded where a file is wanted: who only imports the verifier does not pay for it. */
async function files() {
  return await import('node:fs/promises')
}

/** Not through a link, and not of a pipe, which would hang. */
async function readRegular(path: string): Promise<string> {
  const { constants, open } = await files()
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  return await using(await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK), async (file) => {
    const stats = await file.stat()
    if (!stats.isFile() || stats.size > LONGEST_FILE_BYTES) throw new Error('expected a file of a snapshot')
    return await file.readFile('utf8')
  })
}

async function writeDurably(path: string, text: string): Promise<void> {
  const { open } = await files()
  await using(await open(path, 'wx', 0o600), async (file) => {
    await file.writeFile(text)
    await file.sync()
  })
}

async function syncFolder(path: string): Promise<void> {
  const { open } = await files()
  await using(await open(path), (folder) => folder.sync())
}

async function using<T>(file: FileHandle, action: (file: FileHandle) => Promise<T>): Promise<T> {
  try {
    return await action(file)
  } finally {
    await file.close()
  }
}

function failed(what: 'read' | 'write', cause: unknown): KeyturnError {
  return new KeyturnError('snapshot_failed', `cannot ${what} the snapshot (${errnoOf(cause)})`, {
    remedy: 'let this user read and write the file, and its folder',
    cause,
  })
}
