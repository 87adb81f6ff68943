import { constants, type Stats } from 'node:fs'
import { lstat, mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { KeyturnError } from '@keyturn/core'
import type { Client, ClientStore, RegisteredClient } from './client-store.ts'
import { Database, type Row } from './database.ts'

const FILE = 'state.db'
const VERSION = 1
const OTHERS = 0o077

const SCHEMA = [
  // readers never wait for a writer, and a commit is on disk when it is said to be
  'PRAGMA journal_mode = WAL',
  'PRAGMA synchronous = FULL',
  'PRAGMA busy_timeout = 5000',
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
  /** The file was not there before. */
  readonly created: boolean
  readonly #database: Database

  private constructor(database: Database, created: boolean) {
    this.#database = database
    this.created = created
  }

  /**
   * Opens the file, and brings its tables up to date.
   *
   * @throws {KeyturnError} `state_missing`, `state_unsafe`, `state_newer`, `state_failed`
   */
  static async open({ dataDir, mayCreate }: SqliteStateOptions): Promise<SqliteState> {
    const path = stateFileOf(dataDir)
    const created = await prepareFile(dataDir, path, mayCreate)
    const database = new Database(path)
    try {
      await migrate(database, path)
      return new SqliteState(database, created)
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

/** The file that holds the state of a data folder. */
export function stateFileOf(dataDir: string): string {
  return join(dataDir, FILE)
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

async function migrate(database: Database, path: string): Promise<void> {
  const [row] = await database.query('PRAGMA user_version')
  if (Number(row?.user_version) > VERSION) {
    throw new KeyturnError('state_newer', `${path} was written by a newer version`, {
      remedy: 'run the version that wrote it, or a later one',
    })
  }
  for (const statement of SCHEMA) await database.query(statement)
  await database.query(`PRAGMA user_version = ${VERSION}`)
}

/** SQLite would create the file with the umask's mode, so it is made here. Says whether it was. */
async function prepareFile(dataDir: string, path: string, mayCreate: boolean): Promise<boolean> {
  try {
    assertPrivate(await lstat(path), path)
    return false
  } catch (error) {
    if (error instanceof KeyturnError) throw error
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw unusable(path, error)
  }
  if (!mayCreate) {
    throw new KeyturnError('state_missing', `no ${path}`, {
      remedy: 'start the authority once, restore the file, or begin without clients: keyturn serve --init',
    })
  }
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    const { uid, gid } = await lstat(dataDir)
    const file = await open(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600)
    if (process.geteuid?.() === 0) await file.chown(uid, gid)
    await file.close()
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw unusable(path, error)
  }
}

function assertPrivate(stats: Stats, path: string): void {
  const user = process.geteuid?.()
  const isOwn = user === undefined || user === 0 || stats.uid === user
  if (stats.isFile() && (stats.mode & OTHERS) === 0 && isOwn) return
  throw new KeyturnError(
    'state_unsafe',
    `${path}: expected a file that only its owner, who runs this, can read`,
    {
      remedy: `chmod 0600 ${path}, and run as its owner`,
    },
  )
}

function unusable(path: string, cause: unknown): KeyturnError {
  const errno = (cause as NodeJS.ErrnoException).code ?? 'unknown error'
  return new KeyturnError('state_failed', `cannot work with ${path} (${errno})`, {
    remedy: 'check that the disk is mounted, has space and lets this user write',
    cause,
  })
}
