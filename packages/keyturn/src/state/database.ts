import { Worker } from 'node:worker_threads'
import { KeyturnError } from '@keyturn/core'
import type { DatabaseAnswer, DatabaseQuery } from './database-thread.ts'
import { stateCorrupt } from './state-file.ts'

/** What SQLite says of a file that is none of its own, or is no longer whole. */
const NO_DATABASE = /not a database|malformed/

/** A row as SQLite gives it. */
export type Row = Readonly<Record<string, unknown>>

interface Pending {
  readonly resolve: (rows: readonly Row[]) => void
  readonly reject: (error: KeyturnError) => void
}

/** An SQLite file, worked on by a thread of its own. */
export class Database {
  readonly #path: string
  readonly #worker: Worker
  readonly #pending = new Map<number, Pending>()
  #lastId = 0
  #broken: KeyturnError | undefined

  constructor(path: string) {
    this.#path = path
    const thread = import.meta.url.endsWith('.ts') ? './database-thread.ts' : './database-thread.js'
    this.#worker = new Worker(new URL(thread, import.meta.url), {
      workerData: { path },
      // node:sqlite says that it is experimental; what it can do here is covered by our own tests
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
    this.#worker.on('message', (answer: DatabaseAnswer) => this.#settle(answer))
    this.#worker.on('error', (error) => this.#break(error))
    this.#worker.on('exit', () => this.#break(undefined))
    this.#worker.unref()
  }

  /**
   * Runs one statement. Statements run in the order in which they were asked.
   *
   * @throws {KeyturnError} `state_failed`
   */
  async query(sql: string, values: DatabaseQuery['values'] = []): Promise<readonly Row[]> {
    if (this.#broken !== undefined) throw this.#broken
    const id = ++this.#lastId
    this.#worker.ref()
    return await new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject })
      this.#worker.postMessage({ id, sql, values } satisfies DatabaseQuery)
    })
  }

  /** Lets what was asked end, and closes the file. */
  async close(): Promise<void> {
    if (this.#broken === undefined) await this.query('PRAGMA wal_checkpoint(TRUNCATE)').catch(() => {})
    await this.#worker.terminate()
  }

  #settle(answer: DatabaseAnswer): void {
    const pending = this.#pending.get(answer.id)
    this.#pending.delete(answer.id)
    if (this.#pending.size === 0) this.#worker.unref()
    if ('rows' in answer) pending?.resolve(answer.rows)
    else pending?.reject(this.#failed(answer.failed, undefined))
  }

  #break(cause: unknown): void {
    this.#broken ??= this.#failed((cause as { errstr?: string } | undefined)?.errstr ?? 'closed', cause)
    for (const { reject } of this.#pending.values()) reject(this.#broken)
    this.#pending.clear()
  }

  #failed(why: string, cause: unknown): KeyturnError {
    if (NO_DATABASE.test(why)) return stateCorrupt(this.#path, `cannot be read: ${why}`)
    return new KeyturnError('state_failed', `cannot work with ${this.#path} (${why})`, {
      remedy: 'check that the disk is mounted, has space and lets this user write',
      cause,
    })
  }
}
