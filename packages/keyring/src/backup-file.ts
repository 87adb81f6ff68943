import { stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { errnoOf, KeyturnError } from '@keyturn/core'
import type { KeyRing } from './ring.ts'
import { RingUnopened } from './stores/key-store.ts'
import { syncFolder, writePrivateFile } from './stores/private-files.ts'
import { RingMalformed } from './stores/ring-codec.ts'
import { checkRingFile, decodeRingFile, encodeRingFile, readRingFile } from './stores/ring-file.ts'
import type { Sealing } from './stores/ring-sealer.ts'

/**
 * Writes a ring to a new file, which only its owner can read, sealed where there is a sealer; durable when it resolves.
 *
 * @throws {KeyturnError} `backup_failed`
 */
export async function writeBackup(file: string, ring: KeyRing, sealing: Sealing = {}): Promise<void> {
  const path = resolve(file)
  const bytes = await encodeRingFile(ring, sealing)
  try {
    await writePrivateFile(path, bytes, await stat(dirname(path)))
    await syncFolder(dirname(path))
  } catch (cause) {
    const errno = errnoOf(cause)
    const remedy =
      errno === 'EEXIST'
        ? 'name a file that does not exist yet'
        : 'name a file in a folder that can be written'
    throw new KeyturnError('backup_failed', `cannot write the backup ${path} (${errno})`, { remedy, cause })
  }
}

/**
 * Reads a backup, or a file out of a keys folder, and asserts all that must hold of a ring.
 *
 * @throws {KeyturnError} `backup_unreadable`, `backup_corrupt`, `store_unsafe`, `ring_sealed`, `ring_unsealed`, `kek_unknown`
 */
export async function readBackup(file: string, sealing: Sealing = {}): Promise<KeyRing> {
  return await readWhole(file, (bytes) => decodeRingFile(bytes, sealing))
}

/**
 * Asserts that a backup is whole, by its checksum, and of a generation. Needs no key, and takes a small part of the time of
 * {@link readBackup}.
 *
 * @throws {KeyturnError} `backup_unreadable`, `backup_corrupt`, `store_unsafe`
 */
export async function checkBackup(file: string, generation: number): Promise<void> {
  await readWhole(file, async (bytes) => void checkRingFile(bytes, generation))
}

async function readWhole<T>(file: string, as: (bytes: Buffer) => Promise<T>): Promise<T> {
  const path = resolve(file)
  try {
    return await as(await readRingFile(path))
  } catch (cause) {
    if (cause instanceof RingUnopened) throw unopenedBackup(cause, path)
    if (cause instanceof KeyturnError) throw cause
    if (cause instanceof RingMalformed) {
      throw new KeyturnError('backup_corrupt', `${path}: ${cause.message}`, { remedy: 'take another', cause })
    }
    throw new KeyturnError('backup_unreadable', `cannot read the backup ${path} (${errnoOf(cause)})`, {
      remedy: 'name a file that this user can read',
      cause,
    })
  }
}

/** The remedy of a store, to seal what is in it, would not reach a file. */
function unopenedBackup(cause: RingUnopened, path: string): RingUnopened {
  if (cause.code !== 'ring_unsealed') return cause.at(path)
  const remedy = 'if it is yours: keyturn keys restore FILE --accept-unsealed, which seals the ring'
  return new RingUnopened(cause.code, cause.generation, `${path}: ${cause.message}`, { remedy, cause })
}
