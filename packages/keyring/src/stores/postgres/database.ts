import { Socket } from 'node:net'
import { errnoOf, hasStrayPassword, KeyturnError, orLate, systemClock } from '@keyturn/core'
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

  /** @throws {KeyturnError} `database_url_invalid`; `store_refused` for certificates that cannot be read, or would not be checked */
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
    if (hasStrayPassword(url)) {
      throw new KeyturnError('database_url_invalid', 'expected the password of the URL percent-encoded', {
        remedy: 'write %2F for a slash in it, %3F for a question mark, %23 for a number sign',
      })
    }
    this.place = placeOf(this.#config)
    this.#pool = new Pool({
      ...this.#config,
      // with `new`, which gives what the function returns
      Client: quietClient as unknown as new () => Client,
      max: CONNECTIONS,
      allowExitOnIdle: true,
    })
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
    // one that breaks while it is held ends what it held, and nothing else: the pool hears only those that nobody uses
    client.on('error', () => {})
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
    return quietClient({ ...this.#config, stream: () => new Socket().unref() })
  }

  /** Of a server that hangs no connection ends in peace. */
  async close(): Promise<void> {
    await orLate(this.#pool.end(), systemClock, CLOSE_MS)
  }
}

/**
 * pg reads the certificates that a URL names whenever it makes a client, and throws where it cannot: also in the queue of its
 * pool, and in a timer, where that would end the process. This one says so when it is to connect.
 */
function quietClient(config?: ClientConfig): Client {
  try {
    return new Client(config)
  } catch (error) {
    return new Client({ stream: () => failingSocket(certificatesUnreadable(error)) })
  }
}

function failingSocket(error: Error): Socket {
  const socket = new Socket()
  socket.connect = () => socket.destroy(error)
  return socket
}

function certificatesUnreadable(error: unknown): KeyturnError {
  return new KeyturnError(
    'store_refused',
    `the certificates that the URL of the database names cannot be read (${errnoOf(error)})`,
    { remedy: 'make them readable: sslrootcert, sslcert and sslkey of the URL' },
  )
}

function placeOf(config: ClientConfig): string {
  const { host, port, database, ssl } = clientOf(config)
  assertChecked(ssl)
  return `${host}:${port}/${database ?? ''}`
}

function clientOf(config: ClientConfig): Client {
  try {
    return new Client(config)
  } catch (error) {
    // only the file system has system calls here
    if ((error as NodeJS.ErrnoException).syscall !== undefined) throw certificatesUnreadable(error)
    // the cause holds the URL, and the URL the password
    throw new KeyturnError('database_url_invalid', 'expected the URL of a database', {
      remedy: 'as in postgres://user:password@host:5432/database',
    })
  }
}

/** Where the URL wants the certificate of the database checked, the environment must not undo that: it is sent the password. */
function assertChecked(ssl: boolean | { readonly rejectUnauthorized?: boolean }): void {
  const isWanted = ssl === true || (typeof ssl === 'object' && ssl.rejectUnauthorized !== false)
  if (!isWanted || process.env.NODE_TLS_REJECT_UNAUTHORIZED !== '0') return
  throw new KeyturnError('store_refused', 'NODE_TLS_REJECT_UNAUTHORIZED=0 lets anybody be the database', {
    remedy: 'leave it out; where nobody can be on the way, say so in the URL: sslmode=no-verify',
  })
}
