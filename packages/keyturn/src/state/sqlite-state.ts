import { KeyturnError } from '@keyturn/core'
import type { AuditEvent, AuditHead, AuditLine } from '../audit/audit-chain.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import type { Client, ClientStore, RegisteredClient } from './client-store.ts'
import { Database, type Row } from './database.ts'
import {
  assertStateInPlace,
  createStateFile,
  type FileIdentity,
  hasStateFile,
  stateCorrupt,
  stateFileOf,
  stateIdentityOf,
} from './state-file.ts'

const VERSION = 1

const SCHEMA = [
  `CREATE TABLE installation (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    ring_id TEXT,
    log_id TEXT NOT NULL
  ) STRICT`,
  'INSERT INTO installation (id, log_id) VALUES (1, lower(hex(randomblob(16))))',
  `CREATE TABLE clients (
    client_id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    secret_hash BLOB NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT`,
  `CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    body TEXT NOT NULL,
    hash TEXT NOT NULL
  ) STRICT`,
  ...['UPDATE', 'DELETE'].map(
    (verb) => `CREATE TRIGGER audit_refuses_${verb.toLowerCase()} BEFORE ${verb} ON audit
      BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END`,
  ),
  `PRAGMA user_version = ${VERSION}`,
]

/** One statement, so that no other writer comes between the line before and this one. */
const APPEND = `INSERT INTO audit (seq, body, hash)
  SELECT last.seq + 1, ?1, chain_hash(last.hash, last.seq + 1, ?1)
  FROM (SELECT coalesce(max(seq), 0) AS seq, (SELECT hash FROM audit ORDER BY seq DESC LIMIT 1) AS hash FROM audit) AS last
  RETURNING seq, hash`

/** Where the state lives: {@link SqliteState.open}. */
export interface SqliteStateOptions {
  readonly dataDir: string
  /** Lets the file be created where it is missing. */
  readonly mayCreate: boolean
}

/** Everything but keys that must survive a restart: one SQLite file in the data folder. */
export class SqliteState implements ClientStore, AuditLog {
  readonly #database: Database

  readonly #dataDir: string
  readonly #identity: FileIdentity

  private constructor(database: Database, dataDir: string, identity: FileIdentity) {
    this.#database = database
    this.#dataDir = dataDir
    this.#identity = identity
  }

  /**
   * Opens the file; creates it, whole or not at all, where that is asked for and none is there.
   *
   * @throws {KeyturnError} `state_missing`, `store_unsafe`, `state_corrupt`, `state_newer`, `state_failed`
   */
  static async open({ dataDir, mayCreate }: SqliteStateOptions): Promise<SqliteState> {
    const path = stateFileOf(dataDir)
    if (!(await hasStateFile(dataDir))) {
      if (!mayCreate) throw stateMissing(path)
      await createStateFile(dataDir, createTables)
    }
    const identity = await stateIdentityOf(dataDir)
    const database = new Database(path)
    try {
      await assertVersion(database, path)
      await assertStateInPlace(dataDir, identity)
      // readers never wait for a writer, and a commit is on disk when it is said to be
      await database.query('PRAGMA journal_mode = WAL')
      await database.query('PRAGMA synchronous = FULL')
      return new SqliteState(database, dataDir, identity)
    } catch (error) {
      await database.close()
      throw error
    }
  }

  /**
   * Asserts that what is written here is not lost with the process. Every write does so first.
   *
   * @throws {KeyturnError} `state_missing`, `state_replaced`, `state_failed`
   */
  async assertInPlace(): Promise<void> {
    await assertStateInPlace(this.#dataDir, this.#identity)
  }

  /** The ring to which this state belongs; `undefined` until the first start of the installation is through. */
  async ringId(): Promise<string | undefined> {
    const [row] = await this.#read('SELECT ring_id FROM installation')
    return row?.ring_id === null ? undefined : String(row?.ring_id)
  }

  /** Says that ring and state belong together, and that the installation is complete. */
  async bindRing(ringId: string): Promise<void> {
    await this.#write('UPDATE installation SET ring_id = ?', [ringId])
  }

  async find(clientId: string): Promise<RegisteredClient | undefined> {
    const [row] = await this.#read('SELECT * FROM clients WHERE client_id = ?', [clientId])
    return row === undefined ? undefined : { ...clientOf(row), secretHash: row.secret_hash as Uint8Array }
  }

  async add({ clientId, name, scopes, secretHash, createdAt }: RegisteredClient): Promise<void> {
    await this.#write(
      'INSERT INTO clients (client_id, name, scopes, secret_hash, created_at) VALUES (?, ?, ?, ?, ?)',
      [clientId, name, scopes.join(' '), secretHash, createdAt],
    )
  }

  async replaceSecret(clientId: string, secretHash: Uint8Array): Promise<boolean> {
    const changed = await this.#write(
      'UPDATE clients SET secret_hash = ? WHERE client_id = ? RETURNING client_id',
      [secretHash, clientId],
    )
    return changed.length > 0
  }

  async remove(clientId: string): Promise<boolean> {
    const removed = await this.#write('DELETE FROM clients WHERE client_id = ? RETURNING client_id', [
      clientId,
    ])
    return removed.length > 0
  }

  async list(): Promise<readonly Client[]> {
    const rows = await this.#read(
      'SELECT client_id, name, scopes, created_at FROM clients ORDER BY created_at, client_id',
    )
    return rows.map(clientOf)
  }

  async logId(): Promise<string> {
    const [row] = await this.#read('SELECT log_id FROM installation')
    return String(row?.log_id)
  }

  async append(event: AuditEvent): Promise<AuditHead> {
    const [row] = await this.#write(APPEND, [JSON.stringify(event)])
    return { seq: Number(row?.seq), hash: String(row?.hash) }
  }

  async head(): Promise<AuditHead | undefined> {
    const [row] = await this.#read('SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1')
    return row === undefined ? undefined : { seq: Number(row.seq), hash: String(row.hash) }
  }

  async lines(): Promise<readonly AuditLine[]> {
    const rows = await this.#read('SELECT seq, body, hash FROM audit ORDER BY seq')
    return rows.map(({ seq, body, hash }) => ({ seq: Number(seq), body: String(body), hash: String(hash) }))
  }

  async close(): Promise<void> {
    await this.#database.close()
  }

  /**
   * Reads go on while the file is away, as when its volume is: no command can change it then. They do not where another is in its
   * place: a client that was deleted there would still be let in here.
   */
  async #read(...query: Parameters<Database['query']>): Promise<readonly Row[]> {
    await this.assertInPlace().catch((error: unknown) => {
      if (error instanceof KeyturnError && error.code === 'state_replaced') throw error
    })
    return await this.#database.query(...query)
  }

  async #write(...query: Parameters<Database['query']>): Promise<readonly Row[]> {
    await this.assertInPlace()
    return await this.#database.query(...query)
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

async function createTables(path: string): Promise<void> {
  const database = new Database(path)
  try {
    for (const statement of SCHEMA) await database.query(statement)
  } finally {
    await database.close()
  }
}

async function assertVersion(database: Database, path: string): Promise<void> {
  const [row] = await database.query('PRAGMA user_version')
  const version = Number(row?.user_version)
  if (version === VERSION) return
  if (version > VERSION) {
    throw new KeyturnError('state_newer', `${path} was written by a newer version`, {
      remedy: 'run the version that wrote it, or a later one',
    })
  }
  throw stateCorrupt(path, 'is empty, or of something else')
}

function stateMissing(path: string): KeyturnError {
  return new KeyturnError('state_missing', `no ${path}`, {
    remedy:
      'restore the file, or begin without clients: keyturn serve --init; ' +
      'where nothing was ever started, start the authority once: keyturn serve',
  })
}
