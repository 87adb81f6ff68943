import { isLoopback } from '@keyturn/core'
import type { NameOf } from './settings.ts'

/** How the database is reached. */
export interface DatabaseAccess {
  /** The setting that says so, as the reader gave it. */
  readonly name: string
  readonly url: string
  /** What the driver takes where the URL has no `sslmode`: `PGSSLMODE`. */
  readonly sslMode: string | undefined
}

/** As `pg` reads them; the others leave the connection in clear. */
const VERIFIED = ['prefer', 'require', 'verify-ca', 'verify-full']
/** As libpq reads them, which is what `uselibpqcompat` asks for. */
const VERIFIED_BY_LIBPQ = ['verify-ca', 'verify-full']

/** What an operator should know of a database that is used nevertheless. */
export function databaseWarnings(
  access: DatabaseAccess,
  isSealed: boolean,
  nameOf: NameOf,
): readonly string[] {
  const lines: string[] = []
  const { name } = access
  if (!isSealed) {
    lines.push(
      `${name}: the private keys are in the database in clear, and so in its backups, for want of ` +
        nameOf('keysEncryptionKeyFile'),
    )
  }
  if (!isVerified(access)) {
    lines.push(`${name}: anybody on the way to the database can take its place: add sslmode=verify-full`)
  }
  return lines
}

/** The server proves who it is, or is on this machine. */
function isVerified({ url, sslMode }: DatabaseAccess): boolean {
  // one that cannot be parsed is refused by whoever connects
  if (!URL.canParse(url)) return true
  const { hostname, searchParams } = new URL(url)
  const host = searchParams.get('host') ?? decodeURIComponent(hostname)
  if (host === '' || host.startsWith('/') || isLoopback(host)) return true
  const mode = searchParams.get('sslmode') ?? sslMode
  if (mode === undefined) return ['true', '1'].includes(searchParams.get('ssl') ?? '')
  return (searchParams.get('uselibpqcompat') === 'true' ? VERIFIED_BY_LIBPQ : VERIFIED).includes(mode)
}
