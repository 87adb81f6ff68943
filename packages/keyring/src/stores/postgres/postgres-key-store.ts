import { type Clock, KeyturnError, LATE, orLate, systemClock } from '@keyturn/core'
import type { KeyRing } from '../../ring.ts'
import { DEFAULT_TIMING } from '../../timing.ts'
import {
  type BeginningTerms,
  type KeyStore,
  RingCorrupt,
  RingUnopened,
  type SaveOptions,
  StoreConflict,
  type StoreWatcher,
} from '../key-store.ts'
import { lookRegularly } from '../regular-looks.ts'
import { RingMalformed } from '../ring-codec.ts'
import { checkRingFile, decodeRingFile, encodeRingFile } from '../ring-file.ts'
import type { Sealing } from '../ring-sealer.ts'
import { clockAhead } from '../store-clock.ts'
import { ownStoreOptions } from '../store-options.ts'
import { ChangeListener } from './change-listener.ts'
import { PostgresDatabase, type Row } from './database.ts'
import { isUndefinedTable } from './database-error.ts'
import {
  CREATE_TABLES,
  MARK_LOST,
  READ_CLOCK,
  READ_RING,
  SCHEMA_VERSION,
  SET_ASIDE,
  SWAP,
  TAKE_TURN,
} from './statements.ts'

/** Where a {@link PostgresKeyStore} lives, and when it may begin. */
export interface PostgresKeyStoreOptions extends Sealing, BeginningTerms {
  /** `postgres://user:password@host:5432/database`, with the parameters of libpq, such as `sslmode`. Never shown. */
  readonly url: string
  /**
   * P: within this time a write takes effect or never does, and {@link PostgresKeyStore.watch} sees what others write, so it
   * looks twice as often. Default 1000.
   */
  readonly pollMs?: number
  readonly clock?: Clock
}

/** What is in the database. */
interface Found {
  /** `undefined` where no ring was ever there. */
  readonly ringId: string | undefined
  readonly generation: number
  /** The ring as a file would hold it; `undefined` where it was, and is gone. */
  readonly body: Buffer | undefined
}

/** A look that takes longer has failed; on a busy machine one may take as long. */
const LEAST_LOOK_MS = 250

const NOTHING: Found = Object.freeze({ ringId: undefined, generation: 0, body: undefined })

/**
 * Keeps the ring in PostgreSQL, for any number of replicas: one row says which generation is the newest, and a conditional
 * update of it is the compare-and-swap. The generation before is kept, older ones go. Writes are dated by the clock of the
 * database. Needs the package `pg`.
 *
 * @example
 * const store = new PostgresKeyStore({ url: 'postgres://keyturn@db.internal/keyturn', sealer })
 * const keys = await KeyManager.open({ store, policy: { ...DEFAULT_POLICY, timing: { ...DEFAULT_TIMING, storePollMs: 5000 } } })
 */
export class PostgresKeyStore implements KeyStore {
  readonly sharesClock = false
  readonly #database: PostgresDatabase
  readonly #options: PostgresKeyStoreOptions
  readonly pollMs: number
  readonly #clock: Clock
  readonly #stops = new Set<() => void>()
  #clockAheadMs = 0
  #asking: Promise<Found | undefined> | undefined
  #lastSeen: Found = NOTHING
  /** What a new ring comes after where one was lost. */
  #lost: Found = NOTHING

  /** @throws {KeyturnError} `store_options_invalid`, `database_url_invalid` */
  constructor(given: PostgresKeyStoreOptions) {
    const options = ownStoreOptions(given, 'url')
    this.#options = options
    this.pollMs = options.pollMs ?? DEFAULT_TIMING.storePollMs
    this.#clock = options.clock ?? systemClock
    this.#database = new PostgresDatabase(options.url)
  }

  get clockAheadMs(): number {
    return this.#clockAheadMs
  }

  get place(): string {
    return this.#database.place
  }

  async load(): Promise<KeyRing | undefined> {
    const found = await this.#find()
    if (found?.body === undefined) return this.#loadNothing(found)
    const ring = await this.#decode(found)
    this.#lastSeen = found
    return ring
  }

  async save(
    ring: KeyRing,
    expectedGeneration: number,
    { overAnyRing = false }: SaveOptions = {},
  ): Promise<void> {
    const file = await encodeRingFile(ring, this.#options)
    // later the tables are there, or were lost: then new ones would hide that
    if (expectedGeneration === 0) await this.#database.query('create the tables', CREATE_TABLES)
    const expected =
      expectedGeneration === 0 ? this.#lost : { generation: expectedGeneration, ringId: ring.ringId }
    const swapped = await this.#database.query('write the ring', SWAP, [
      expected.generation,
      ring.generation,
      ring.ringId,
      file,
      ring.writtenAt + this.pollMs,
      // a ring that was restored, and waits to be confirmed, leaves alone what may yet be wanted
      ring.held === null,
      expected.ringId ?? null,
      // where one was lost, it is known which
      overAnyRing && expectedGeneration > 0,
    ])
    if (swapped.length === 0) throw new StoreConflict()
    this.#lastSeen = { ringId: ring.ringId, generation: ring.generation, body: file }
  }

  async setAside(): Promise<void> {
    await this.#database.query('set the ring aside', SET_ASIDE)
  }

  async inTurn(work: () => Promise<void>): Promise<void> {
    // whoever has the turn may hang, and the database may: the swap decides in any case
    const end = await this.#database.hold(TAKE_TURN).catch(() => () => {})
    try {
      await work()
    } finally {
      end()
    }
  }

  watch(watcher: StoreWatcher): () => void {
    const timing = { clock: this.#clock, everyMs: this.pollMs / 2 }
    const looks = lookRegularly(watcher, timing, (reporter) => this.#look(reporter))
    const listener = new ChangeListener({
      connect: () => this.#database.listener(),
      clock: this.#clock,
      random: Math.random,
      onHint: () => looks.hasten(),
    })
    listener.start()
    const stop = () => {
      looks.stop()
      listener.stop()
      this.#stops.delete(stop)
    }
    this.#stops.add(stop)
    return stop
  }

  /** Stops every watch, and gives the connections back. Nothing works after that. */
  async close(): Promise<void> {
    for (const stop of this.#stops) stop()
    await this.#database.close()
  }

  /** Checks what is known once more, too: a ring that is gone or damaged is said, and the ring in memory goes on. */
  async #look(watcher: StoreWatcher): Promise<void> {
    const known = this.#lastSeen
    const found = await this.#findSoon()
    if (found?.ringId === undefined && known.ringId !== undefined) await this.#markLost(known)
    if (found?.body === undefined || found.generation < known.generation) throw this.#ringMissing()
    if (found.generation > known.generation || found.ringId !== known.ringId) {
      const ring = await this.#decode(found)
      this.#lastSeen = found
      watcher.onChange(ring)
      return
    }
    await this.#orCorrupt(found, async (body) => checkRingFile(body, found.generation))
    watcher.onHealthy?.()
  }

  /**
   * Says early that nobody answers, well before P after the last look: until then whoever signs takes it that this process was
   * awake, and waits for nothing. The question goes on, and another beside it would hang too.
   */
  async #findSoon(): Promise<Found | undefined> {
    this.#asking ??= this.#find().finally(() => {
      this.#asking = undefined
    })
    // a network goes by real time, whatever clock the rest goes by
    const found = await orLate(this.#asking, systemClock, Math.max(this.pollMs / 5, LEAST_LOOK_MS))
    if (found !== LATE) return found
    throw new KeyturnError('store_unreachable', `the database at ${this.place} does not answer`, {
      remedy: 'check that the database runs, and can be reached from here',
    })
  }

  /** `undefined` where the tables are there, and say nothing. Takes note of the clock of the database in any case. */
  async #find(): Promise<Found | undefined> {
    const askedAt = this.#clock.now()
    const action = 'read the ring'
    const rows = await this.#database.attempt(action, () =>
      this.#database.rawQuery(READ_RING).catch((error: unknown) => {
        if (!isUndefinedTable(error)) throw error
        return undefined
      }),
    )
    const [row] = rows ?? (await this.#database.query(action, READ_CLOCK))
    if (row === undefined) return undefined
    const reading = { askedAt, storeTime: Number(row.now), heardAt: this.#clock.now() }
    this.#clockAheadMs = clockAhead(this.#clockAheadMs, reading)
    return rows === undefined ? NOTHING : foundIn(row)
  }

  /** Nothing here is a beginning only if nothing was. */
  #loadNothing(found: Found | undefined): undefined {
    if (this.#lastSeen.generation > 0) throw this.#ringMissing()
    const { initialize = false, expectsRing = false } = this.#options
    const isLost = found === undefined || found.ringId !== undefined || expectsRing
    if (isLost && !initialize) throw this.#ringMissing()
    this.#lost = found ?? NOTHING
    return undefined
  }

  /** Somebody who starts now, and knows nothing, must not take it for the place of a new installation. */
  async #markLost({ ringId, generation }: Found): Promise<void> {
    await this.#database.query('create the tables', CREATE_TABLES)
    await this.#database.query('write that the ring is lost', MARK_LOST, [ringId, generation])
  }

  async #decode(found: Found): Promise<KeyRing> {
    return await this.#orCorrupt(found, (body) =>
      decodeRingFile(body, { ...this.#options, generation: found.generation }),
    ).catch((error: unknown) => {
      throw error instanceof RingUnopened ? error.inStore(this.#placeOf(found)) : error
    })
  }

  async #orCorrupt<T>({ body, generation }: Found, action: (body: Buffer) => Promise<T>): Promise<T> {
    try {
      return await action(body ?? Buffer.alloc(0))
    } catch (error) {
      if (!(error instanceof RingMalformed)) throw error
      throw new RingCorrupt(generation, `${this.#placeOf({ generation })}: ${error.message}`, {
        remedy: 'stop every authority, then: keyturn keys restore FILE, with a backup',
        cause: error,
      })
    }
  }

  #placeOf({ generation }: Pick<Found, 'generation'>): string {
    return `generation ${generation} at ${this.place}`
  }

  #ringMissing(): KeyturnError {
    return new KeyturnError('ring_missing', `no ring at ${this.place}, where one was expected`, {
      remedy:
        'name the right database, or, where the ring is lost: keyturn keys restore FILE; ' +
        'to give up all keys and begin anew: keyturn serve --init',
    })
  }
}

/** @throws {KeyturnError} `store_newer` */
function foundIn(row: Row): Found {
  if (Number(row.schema_version) > SCHEMA_VERSION) {
    throw new KeyturnError('store_newer', 'the tables of the ring were made by a newer version', {
      remedy: 'run the version that made them, or a later one',
    })
  }
  return {
    ringId: row.ring_id === null ? undefined : String(row.ring_id),
    generation: Number(row.generation),
    body: row.body === null ? undefined : (row.body as Buffer),
  }
}
