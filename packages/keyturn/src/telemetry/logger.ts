import type { KeyringEvent } from '@keyturn/keyring'
import { type DestinationStream, destination, type Logger, pino } from 'pino'
import type { BackupEvent } from '../backups/backup-keeper.ts'
import { withTimes } from '../service/rfc3339.ts'
import type { DiskEvent } from './disk-watch.ts'
import { printable } from './printable.ts'

export type { Logger }

/** What must never reach a log, should a careless line ever hold it. */
const SECRETS = [
  'authorization',
  'token',
  'access_token',
  'clientSecret',
  'client_secret',
  'secret',
  'privateKey',
]

/** Logs as JSON lines on stderr: stdout belongs to data. JSON leaves much as it is that a terminal obeys. */
export function createLogger(level: string, stderr: DestinationStream = destination(2)): Logger {
  const redact = { paths: SECRETS.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' }
  const formatters = { level: (label: string) => ({ level: label }) }
  return pino(
    { level, redact, formatters, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line) => stderr.write(printable(line)) },
  )
}

/** Writes down what happens to the keys; times as the line itself has them, RFC 3339. */
export function logKeyringEvent(logger: Logger, event: KeyringEvent): void {
  const level = LEVELS[event.kind] ?? 'info'
  const { kind, ...details } = event
  logger[level](withTimes(details), MESSAGES[kind])
}

/** Writes down what happens to backups and disks. */
export function logDiskEvent(logger: Logger, { kind, ...event }: BackupEvent | DiskEvent): void {
  const { level, message } = DISK_LINES[kind]
  const { error: err, ...details } = { error: undefined, ...event }
  const told = withTimes(details)
  logger[level](err === undefined ? told : { err, ...told }, message)
}

const DISK_LINES = Object.freeze({
  'backup-made': { level: 'info', message: 'a backup of the key ring was made' },
  'backup-deleted': { level: 'info', message: 'a backup was deleted: there are enough later ones' },
  'backup-failed': { level: 'error', message: 'a backup of the key ring failed; all else goes on' },
  'backup-shares-disk': {
    level: 'warn',
    message: 'backups are on the disk of the data folder, and are lost with it: take a folder on another',
  },
  'backup-damaged': {
    level: 'error',
    message: 'a backup is not as it was written; it is kept: look at its disk, and move it away',
  },
  'volume-nearly-full': { level: 'warn', message: 'a volume is nearly full: make room' },
  'volume-has-room': { level: 'info', message: 'a volume has room again' },
  'state-lost': {
    level: 'error',
    message: 'the state is not where it was; nothing is written until it is back',
  },
  'state-back': { level: 'info', message: 'the state is back' },
} as const satisfies Record<
  (BackupEvent | DiskEvent)['kind'],
  { level: 'info' | 'warn' | 'error'; message: string }
>)

const LEVELS: Partial<Record<KeyringEvent['kind'], 'debug' | 'warn' | 'error'>> = {
  'rotation-failed': 'error',
  'store-unreadable': 'error',
  // every single one, of which the others tell the first
  'store-failed': 'debug',
  'clock-jumped': 'warn',
  'key-revoked': 'warn',
  'ring-confirmed': 'warn',
  'key-imported': 'warn',
}

const MESSAGES: Readonly<Record<KeyringEvent['kind'], string>> = Object.freeze({
  'ring-created': 'a new key ring was created',
  'key-created': 'a key was made and published',
  'key-imported': 'an operator imported the next key',
  'key-activated': 'a key began to sign',
  'key-erased': 'private halves were destroyed',
  'key-removed': 'keys left the published set',
  'max-ttl-raised': 'keys may sign longer lifetimes',
  'rotation-requested': 'an operator brought a rotation forward',
  'key-revoked': 'a key was revoked',
  'ring-confirmed': 'a ring out of a backup was confirmed; it signs',
  'ring-adopted': 'the ring was changed by another process',
  'rotation-failed': 'a step of the rotation failed; signing goes on',
  'rotation-recovered': 'the rotation works again',
  'store-unreadable': 'the key store cannot be read; the ring in memory goes on',
  'store-failed': 'the key store failed once more',
  'clock-jumped': 'the wall clock jumped; nothing irreversible happens for a while',
})
