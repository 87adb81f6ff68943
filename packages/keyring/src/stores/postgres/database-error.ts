import { KeyturnError } from '@keyturn/core'

/** SQLSTATE of a table that is not there. */
const UNDEFINED_TABLE = '42P01'

/** What is for whoever set things up, by SQLSTATE or by the code of a TLS error. */
const REFUSED: readonly (readonly [code: RegExp, remedy: string])[] = [
  [/^28/, 'check user and password of the database, and its pg_hba.conf'],
  [/^3D/, 'create the database, or name another one'],
  [/^3F/, 'create the schema that search_path names'],
  [/^42501$/, 'grant the user CREATE on the schema, or the tables keyturn_installation and keyturn_rings'],
  [/^25006$/, 'name the primary: this server is read-only'],
  [/CERT|SIGNATURE/, 'check the certificate of the database: sslmode and sslrootcert of the URL'],
]

/** Classes and codes that say that the database is busy, stopping, starting, or too slow. */
const UNREACHABLE = ['08', '53', '57', '55P03']

/** The tables are not there: nothing was ever stored, or it is lost. */
export function isUndefinedTable(error: unknown): boolean {
  return codeOf(error) === UNDEFINED_TABLE
}

/**
 * Gives an error of the driver a code of ours and a remedy. It is not kept as the cause: PostgreSQL puts rows and parameters into
 * the details of its errors, and those hold the ring.
 *
 * @param place - Host and database, without the password.
 */
export function databaseError(error: unknown, action: string, place: string): KeyturnError {
  if (error instanceof KeyturnError) return error
  const code = codeOf(error)
  const what = `cannot ${action} at ${place} (${code ?? 'no answer'})`
  if (speaksNoTls(error)) {
    return new KeyturnError('store_refused', what, {
      remedy: 'the server speaks no TLS: have it do so, or leave out sslmode where nobody can be on the way',
    })
  }
  const refusal = REFUSED.find(([pattern]) => code !== undefined && pattern.test(code))
  if (refusal !== undefined) return new KeyturnError('store_refused', what, { remedy: refusal[1] })
  const isSqlState = code !== undefined && /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]+$/.test(code)
  if (isSqlState && !UNREACHABLE.some((prefix) => code.startsWith(prefix))) {
    return new KeyturnError('store_failed', what, {
      remedy: 'look up the SQLSTATE, and the log of the database',
    })
  }
  return new KeyturnError('store_unreachable', what, {
    remedy: 'check that the database runs, and can be reached from here',
  })
}

/** The driver has no code for it. */
function speaksNoTls(error: unknown): boolean {
  return error instanceof Error && error.message === 'The server does not support SSL connections'
}

/** SQLSTATE, or the errno of a socket; the driver's own errors have none, but for a password that is missing. */
function codeOf(error: unknown): string | undefined {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown }
  if (typeof code === 'string' && /^[0-9A-Z_]{1,40}$/.test(code)) return code
  return typeof message === 'string' && message.startsWith('SASL') ? '28000' : undefined
}
