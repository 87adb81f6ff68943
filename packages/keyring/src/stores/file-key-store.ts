import { link, lstat, readdir, unlink } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type Clock, errnoOf, KeyturnError, systemClock } from '@keyturn/core'
import type { KeyRing } from '../ring.ts'
import { DEFAULT_TIMING } from '../timing.ts'
import { explainUnreadable, guarded, ignoreMissing, ringMissing } from './file-errors.ts'
import {
  type BeginningTerms,
  type KeyStore,
  RingCorrupt,
  RingUnopened,
  type SaveOptions,
  StoreConflict,
  type StoreWatcher,
} from './key-store.ts'
import {
  assertPrivateFolder,
  isTemporary,
  makePrivateFolder,
  removeAbandoned,
  syncFolder,
  temporaryPath,
  writePrivateFile,
} from './private-files.ts'
import { lookRegularly } from './regular-looks.ts'
import { RingMalformed } from './ring-codec.ts'
import {
  checkRingFile,
  checksumOf,
  decodeRingFile,
  encodeRingFile,
  generationOf,
  readRingFile,
  ringFileName,
} from './ring-file.ts'
import type { Sealing } from './ring-sealer.ts'
import { ownStoreOptions } from './store-options.ts'

/** Where a {@link FileKeyStore} lives, and when it may begin. */
export interface FileKeyStoreOptions extends Sealing, BeginningTerms {
  /** A folder of its own; created 0700, with its parents, at the first save. */
  readonly directory: string
  /** P: within this time {@link FileKeyStore.watch} sees what others write, so it looks twice as often. Default 1000. */
  readonly pollMs?: number
  readonly clock?: Clock
}

/** A file that was read or written here. */
interface Seen {
  readonly generation: number
  readonly checksum: string | undefined
  readonly ringId: string | undefined
}

const LOAD_ATTEMPTS = 5
const NOTHING: Seen = Object.freeze({ generation: 0, checksum: undefined, ringId: undefined })

/**
 * Keeps the ring in files, one per generation. A save writes a temporary file and gives it the next generation's name by
 * an exclusive hard link, so the file system does the compare-and-swap: of two writers one gets `EEXIST`. The newest file
 * is the ring, the one before it is kept, older ones go.
 *
 * @example
 * const store = new FileKeyStore({ directory: '/var/lib/keyturn/keys' })
 * const keys = await KeyManager.open({ store, policy: DEFAULT_POLICY })
 */
export class FileKeyStore implements KeyStore {
  readonly sharesClock = true
  readonly #directory: string
  readonly pollMs: number
  readonly #clock: Clock
  readonly #terms: Sealing & BeginningTerms
  #lastSeen = NOTHING

  /** @throws {KeyturnError} `store_options_invalid` */
  constructor(given: FileKeyStoreOptions) {
    const options = ownStoreOptions(given, 'directory')
    // also without a slash at the end, which would have a symbolic link followed
    this.#directory = resolve(options.directory)
    this.pollMs = options.pollMs ?? DEFAULT_TIMING.storePollMs
    this.#clock = options.clock ?? systemClock
    this.#terms = options
  }

  get place(): string {
    return this.#directory
  }

  async load(): Promise<KeyRing | undefined> {
    return await guarded('read', this.#directory, async () => {
      for (let attempt = 1; attempt <= LOAD_ATTEMPTS; attempt++) {
        const newest = (await this.#generations()).at(-1)
        if (newest === undefined) return await this.#loadNothing()
        const found = await this.#read(newest, (file) => this.#decode(file, newest))
        if (found !== undefined) {
          if (newest > this.#lastSeen.generation) await this.#makeDurable()
          this.#lastSeen = found.seen
          return found.ring
        }
        // two saves have passed since the folder was read, and the file is gone: look again
      }
      throw new KeyturnError('store_failed', 'the ring changes faster than it can be read')
    })
  }

  async save(
    ring: KeyRing,
    expectedGeneration: number,
    { overAnyRing = false }: SaveOptions = {},
  ): Promise<void> {
    await guarded('write', this.#directory, async () => {
      // later the folder is there, or was lost: then a new one would hide that
      if (expectedGeneration === 0) await makePrivateFolder(this.#directory)
      if (((await this.#generations()).at(-1) ?? 0) !== expectedGeneration) throw new StoreConflict()
      const file = await encodeRingFile(ring, this.#terms)
      const temporary = await this.#writeTemporary(file)
      try {
        // with the file in the folder already: one that is exchanged from here on does not hold it
        if (!overAnyRing && expectedGeneration > 0) await this.#assertSameRing(ring, expectedGeneration)
        await this.#publish(temporary, ring.generation)
      } finally {
        await unlink(temporary).catch(ignoreMissing)
      }
      // a ring that was restored, and waits to be confirmed, leaves alone what may yet be wanted
      if (ring.held === null) await this.#dropBefore(expectedGeneration)
      // last: after a failure in between, watching finds the ring that was published all the same
      if (ring.generation > this.#lastSeen.generation) this.#lastSeen = seenIn(file, ring)
    })
  }

  /** Gives each file a second name, which no save knows. */
  async setAside(): Promise<void> {
    await guarded('write', this.#directory, async () => {
      for (const generation of await this.#generations()) {
        const path = join(this.#directory, ringFileName(generation))
        await link(path, `${path}.unopened`).catch((error: unknown) => {
          if (errnoOf(error) !== 'EEXIST') throw error
        })
      }
      await syncFolder(this.#directory)
    })
  }

  watch(watcher: StoreWatcher): () => void {
    const timing = { clock: this.#clock, everyMs: this.pollMs / 2 }
    return lookRegularly(watcher, timing, (reporter) => this.#reportNewer(reporter)).stop
  }

  /**
   * Checks what is known once more, too. A ring that is no longer there is as bad as one that cannot be read: both are said,
   * and the ring in memory goes on.
   */
  async #reportNewer(watcher: StoreWatcher): Promise<void> {
    const known = this.#lastSeen
    const newest = await guarded('read', this.#directory, async () => (await this.#generations()).at(-1))
    if (newest === undefined || newest < known.generation) throw ringMissing(this.#directory)
    if (newest === known.generation && (await this.#isStill(known))) {
      watcher.onHealthy?.()
      return
    }
    const ring = await this.load()
    if (ring !== undefined) watcher.onChange(ring)
  }

  /** The file of a generation is whole, and the one that is known: another one is of another ring. */
  async #isStill({ generation, checksum }: Seen): Promise<boolean> {
    return await guarded('read', this.#directory, async () => {
      const found = await this.#read(generation, async (file) => {
        checkRingFile(file, generation)
        return checksumOf(file)
      })
      // one that is gone has been followed by two others: the next look finds them
      return found === undefined || found === checksum
    })
  }

  /** @throws {StoreConflict} the newest file holds another ring than the one that is to follow it */
  async #assertSameRing({ ringId }: KeyRing, generation: number): Promise<void> {
    const known = this.#lastSeen
    const found = await this.#read(generation, async (file) =>
      checksumOf(file) === known.checksum ? known : (await this.#decode(file, generation)).seen,
    ).catch((error: unknown) => {
      // it was this ring and has been damaged since: what is in memory makes it whole again
      if (error instanceof RingCorrupt && known.generation === generation) return known
      throw error
    })
    if (found?.ringId !== ringId) throw new StoreConflict()
  }

  async #decode(file: Buffer, generation: number): Promise<{ readonly ring: KeyRing; readonly seen: Seen }> {
    const ring = await decodeRingFile(file, { ...this.#terms, generation })
    return { ring, seen: seenIn(file, ring) }
  }

  async #generations(): Promise<readonly number[]> {
    try {
      await assertPrivateFolder(this.#directory)
      const names = await readdir(this.#directory)
      return names
        .map(generationOf)
        .filter((generation) => generation !== undefined)
        .sort((a, b) => a - b)
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return []
      throw error
    }
  }

  /** Nothing here is a beginning only if nothing was. */
  async #loadNothing(): Promise<undefined> {
    if (this.#lastSeen.generation > 0) throw ringMissing(this.#directory)
    const { initialize = false, expectsRing = false } = this.#terms
    if (initialize) return undefined
    const strangers = await readdir(this.#directory).catch(ignoreMissing)
    const isLost = expectsRing || strangers?.some((name) => !isTemporary(name))
    if (isLost) throw ringMissing(this.#directory)
    return undefined
  }

  async #read<T>(generation: number, as: (file: Buffer) => Promise<T>): Promise<T | undefined> {
    const path = join(this.#directory, ringFileName(generation))
    try {
      const file = await readRingFile(path).catch((error) => explainUnreadable(error, path))
      return file === undefined ? undefined : await as(file)
    } catch (error) {
      if (error instanceof RingMalformed) throw await this.#corrupt(generation, error)
      throw error instanceof RingUnopened ? error.inStore(path) : error
    }
  }

  async #corrupt(generation: number, cause: RingMalformed): Promise<RingCorrupt> {
    const pathOf = (it: number) => join(this.#directory, ringFileName(it))
    const before = (await this.#generations()).filter((it) => it < generation).at(-1)
    const earlier = before === undefined ? '' : ` or, losing the last change, with ${pathOf(before)}`
    return new RingCorrupt(generation, `${pathOf(generation)}: ${cause.message}`, {
      remedy: `stop the authority, then: keyturn keys restore FILE, with a backup${earlier}`,
      cause,
    })
  }

  async #writeTemporary(bytes: Buffer): Promise<string> {
    const path = temporaryPath(this.#directory, 'ring')
    await writePrivateFile(path, bytes, await lstat(this.#directory))
    return path
  }

  async #publish(temporary: string, generation: number): Promise<void> {
    const path = join(this.#directory, ringFileName(generation))
    try {
      await link(temporary, path)
    } catch (error) {
      // ENOENT: who slept for long finds that others have taken its temporary file for an abandoned one
      throw ['EEXIST', 'ENOENT'].includes(errnoOf(error)) ? new StoreConflict() : error
    }
    // A writer that slept so long that its generation has come and gone finds the name free again, two generations on.
    // One generation on is somebody who built on ours.
    if (((await this.#generations()).at(-1) ?? 0) > generation + 1) {
      await unlink(path).catch(ignoreMissing)
      throw new StoreConflict()
    }
    await syncFolder(this.#directory)
  }

  /**
   * A writer that was killed right after its link did not come to this, and a ring that was published must not go when the
   * power does. A disk that cannot do it keeps nobody from signing with the newest ring there is.
   */
  async #makeDurable(): Promise<void> {
    await syncFolder(this.#directory).catch(() => {})
  }

  async #dropBefore(generation: number): Promise<void> {
    const names = await readdir(this.#directory)
    const old = names.filter((name) => (generationOf(name) ?? generation) < generation)
    for (const name of old) await unlink(join(this.#directory, name)).catch(ignoreMissing)
    // a writer that was killed leaves its temporary file, and a private half in it
    await removeAbandoned(this.#directory, this.#clock.now())
  }
}

function seenIn(file: Buffer, { generation, ringId }: KeyRing): Seen {
  return { generation, checksum: checksumOf(file), ringId }
}
