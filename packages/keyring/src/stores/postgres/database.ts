import { Socket } from 'node:net'
import { KeyturnError, orLate, systemClock } from '@keyturn/core'
import { Client, type ClientConfig, Pool } from 'pg'
import { databaseError } from './database-error.ts'

/** A row, by the names of its columns; numbers of 64 bits are texts. */
export type Row = Readonly<Record<string, unknown>>

/** After so long what does not answer is given up, at both ends. */
const ANSWER_MS = 5000
const CLOSE_MS = 1000
/** One that looks, one that writes, one that waits for its turn. */
const CONNECTIONS = 3

/** The way to PostgreSQL: a few connections that are made when they are needed, and never waited for without end. */
export class PostgresDatabase {
  /** Host and database, for messages: never user or password. */
  readonly place: string
  readonly #config: ClientConfig
  readonly #pool: Pool

  /** @throws {KeyturnError} `database_url_invalid` */
  constructor(url: string) {
    this.#config = {
      connectionString: url,
      application_name: 'keyturn',
      connectionTimeoutMillis: ANSWER_MS,
      query_timeout: ANSWER_MS,
      statement_timeout: ANSWER_MS,
      lock_timeout: ANSWER_MS,
      idle_in_transaction_session_timeout: ANSWER_MS,
      keepAlive: true,
    }
    this.place = placeOf(this.#config)
    this.#pool = new Pool({ ...this.#config, max: CONNECTIONS, allowExitOnIdle: true })
    // a connection that breaks while nobody uses it is replaced at the next question
    this.#pool.on('error', () => {})
  }

  /**
   * Asks one question, on a connection of its own.
   *
   * @param action - What it is for, as in "read the ring".
   * @throws {KeyturnError} `store_unreachable`, `store_refused`, `store_failed`
   */
  async query(action: string, statement: string, values?: readonly unknown[]): Promise<readonly Row[]> {
    return await this.attempt(action, () => this.rawQuery(statement, values))
  }

  /** The same, with the errors of the driver: for whoever expects one. */
  async rawQuery(statement: string, values?: readonly unknown[]): Promise<readonly Row[]> {
    const { rows } = await this.#pool.query<Row>(statement, values === undefined ? undefined : [...values])
    return rows
  }

  /** Gives what the driver throws a code of ours. */
  async attempt<T>(action: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw databaseError(error, action, this.place)
    }
  }

  /** Asks on a connection that is held, with whatever it was given, until what is returned is called. */
  async hold(statement: string): Promise<() => void> {
    const client = await this.#pool.connect()
    // not given back: what a connection was given ends with it
    const end = () => client.release(true)
    await client.query(statement).catch((error: unknown) => {
      end()
      throw error
    })
    return end
  }

  /** A connection that listens, not made yet. */
  listener(): Client {
    // one that only listens must not keep the process alive
    return new Client({ ...this.#config, stream: () => new Socket().unref() })
  }

  /** Of a server that hangs no connection ends in peace. */
  async close(): Promise<void> {
    await orLate(this.#pool.end(), systemClock, CLOSE_MS)
  }
}

function placeOf(config: ClientConfig): string {
  try {
    const { host, port, database } = new Client(config)
    return `${host}:${port}/${database ?? ''}`
  } catch {
    // the cause holds the URL, and the URL the password
    throw new KeyturnError('database_url_invalid', 'expected the URL of a database', {
      remedy: 'as in postgres://user:password@host:5432/database',
    })
  }
}
