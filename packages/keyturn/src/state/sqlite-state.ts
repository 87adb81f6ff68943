import { KeyturnError } from '@keyturn/core'
import type { Client, ClientStore, RegisteredClient } from './client-store.ts'
import { Database, type Row } from './database.ts'
import { prepareStateFile, stateFileOf } from './state-file.ts'

const VERSION = 1

const SCHEMA = [
  // readers never wait for a writer, and a commit is on disk when it is said to be
  'PRAGMA journal_mode = WAL',
  'PRAGMA synchronous = FULL',
  `CREATE TABLE IF NOT EXISTS clients (
    client_id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    secret_hash BLOB NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT`,
]

/** Where the state lives: {@link SqliteState.open}. */
export interface SqliteStateOptions {
  readonly dataDir: string
  /** Lets the file be created where it is missing. */
  readonly mayCreate: boolean
}

/** Everything but keys that must survive a restart: one SQLite file in the data folder. */
export class SqliteState implements ClientStore {
  readonly #database: Database

  private constructor(database: Database) {
    this.#database = database
  }

  /**
   * Opens the file, and brings its tables up to date.
   *
   * @throws {KeyturnError} `state_missing`, `state_unsafe`, `state_corrupt`, `state_newer`, `state_failed`
   */
  static async open({ dataDir, mayCreate }: SqliteStateOptions): Promise<SqliteState> {
    const path = stateFileOf(dataDir)
    await prepareStateFile(dataDir, { mayCreate })
    const database = new Database(path)
    try {
      await migrate(database, path, mayCreate)
      return new SqliteState(database)
    } catch (error) {
      await database.close()
      throw error
    }
  }

  async find(clientId: string): Promise<RegisteredClient | undefined> {
    const [row] = await this.#database.query('SELECT * FROM clients WHERE client_id = ?', [clientId])
    return row === undefined ? undefined : { ...clientOf(row), secretHash: row.secret_hash as Uint8Array }
  }

  async add({ clientId, name, scopes, secretHash, createdAt }: RegisteredClient): Promise<void> {
    await this.#database.query(
      'INSERT INTO clients (client_id, name, scopes, secret_hash, created_at) VALUES (?, ?, ?, ?, ?)',
      [clientId, name, scopes.join(' '), secretHash, createdAt],
    )
  }

  async list(): Promise<readonly Client[]> {
    const rows = await this.#database.query(
      'SELECT client_id, name, scopes, created_at FROM clients ORDER BY created_at, client_id',
    )
    return rows.map(clientOf)
  }

  async close(): Promise<void> {
    await this.#database.close()
  }
}

function clientOf(row: Row): Client {
  return {
    clientId: String(row.client_id),
    name: String(row.name),
    scopes: String(row.scopes)
      .split(' ')
      .filter((scope) => scope !== ''),
    createdAt: Number(row.created_at),
  }
}

async function migrate(database: Database, path: string, mayCreate: boolean): Promise<void> {
  const [row] = await database.query('PRAGMA user_version')
  if (Number(row?.user_version) === 0 && !mayCreate) {
    throw new KeyturnError('state_corrupt', `${path} is empty, or was never finished`, {
      remedy: 'restore the file; or, to give up all clients: keyturn serve --init',
    })
  }
  if (Number(row?.user_version) > VERSION) {
    throw new KeyturnError('state_newer', `${path} was written by a newer version`, {
      remedy: 'run the version that wrote it, or a later one',
    })
  }
  for (const statement of SCHEMA) await database.query(statement)
  await database.query(`PRAGMA user_version = ${VERSION}`)
}
