import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { chainHash } from '../audit/audit-chain.ts'

/** The thread on which SQLite runs, since its calls block: a disk that is slow delays this thread, and no signature. */

/** One statement for the thread. */
export interface DatabaseQuery {
  readonly id: number
  readonly sql: string
  readonly values: readonly SQLInputValue[]
}

/** What came of a {@link DatabaseQuery}: rows, or SQLite's own result code. */
export type DatabaseAnswer =
  | { readonly id: number; readonly rows: readonly Readonly<Record<string, unknown>>[] }
  | { readonly id: number; readonly failed: string }

/** A command may hold the write lock for a moment. */
const LOCK_TIMEOUT_MS = 5000

const statements = new Map<string, StatementSync>()
const database = new DatabaseSync(workerData.path, { timeout: LOCK_TIMEOUT_MS })
database.function('chain_hash', { deterministic: true }, (before, seq, body) =>
  chainHash(before === null ? null : String(before), Number(seq), String(body)),
)

parentPort?.on('message', (query: DatabaseQuery) => {
  parentPort?.postMessage(answer(query))
})

function answer({ id, sql, values }: DatabaseQuery): DatabaseAnswer {
  try {
    let statement = statements.get(sql)
    if (statement === undefined) {
      statement = database.prepare(sql)
      statements.set(sql, statement)
    }
    return { id, rows: statement.all(...values) as readonly Record<string, unknown>[] }
  } catch (error) {
    const { errstr, code } = error as { errstr?: string; code?: string }
    return { id, failed: errstr ?? code ?? 'unknown error' }
  }
}
