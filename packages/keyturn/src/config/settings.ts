import { ALGORITHM_NAMES, formatDuration, KeyturnError, parseDuration } from '@keyturn/core'
import { DEFAULT_TIMING } from '@keyturn/keyring'
import { z } from 'zod'
import { identifierProblem, issuerProblem } from './issuer.ts'

/** What the authority can be told. A setting `httpPort` is `KEYTURN_HTTP_PORT` in the environment, `--http-port` on the
 * command line, and `httpPort` in the configuration file. Values are texts everywhere, so that one parser reads them all. */

const text = z.string().min(1, 'expected a value')

const checked = (problemOf: (text: string) => string | undefined) =>
  z.string().superRefine((value, context) => {
    const problem = problemOf(value)
    if (problem !== undefined) context.addIssue(problem)
  })

const optionalDuration = z.string().transform((value, context) => {
  try {
    return parseDuration(value)
  } catch (error) {
    context.addIssue(error instanceof KeyturnError ? error.message : 'expected a duration')
    return z.NEVER
  }
})

const duration = (fallbackMs: number) => optionalDuration.prefault(formatDuration(fallbackMs))

const port = z
  .string()
  .regex(/^\d{1,5}$/, 'expected a port, 0 to 65535')
  .transform(Number)
  .refine((value) => value <= 65_535, 'expected a port, 0 to 65535')

const count = (most: number) =>
  z
    .string()
    .regex(/^\d{1,5}$/, `expected a number, 1 to ${most}`)
    .transform(Number)
    .refine((value) => value >= 1 && value <= most, `expected a number, 1 to ${most}`)

const flag = z.enum(['true', 'false'], 'expected true or false').transform((value) => value === 'true')

const oneOf = <const T extends readonly string[]>(names: T) =>
  z.enum(names, `expected one of ${names.join(', ')}`)

/** Every setting, in the order in which the help and the reference show them. */
export const SETTINGS = z.strictObject({
  issuer: checked(issuerProblem)
    .optional()
    .describe('iss of every token, and the base of published URLs (default: this listener)'),
  audience: checked(identifierProblem)
    .optional()
    .describe('aud of tokens that name no other (default: the issuer)'),
  dataDir: text.prefault('./data').describe('folder of everything that must survive a restart'),
  store: oneOf(['file', 'memory', 'postgres'])
    .prefault('file')
    .describe('where the key ring is kept; in PostgreSQL any number of replicas share it'),
  databaseUrl: text
    .optional()
    .describe('postgres://user:password@host:5432/database, where the store is postgres'),
  databaseUrlFile: text.optional().describe('file that holds it instead'),
  storeMaxStaleness: duration(12 * 3_600_000).describe(
    'how long a replica may be without the database, and go on issuing tokens',
  ),
  backupDir: text.optional().describe('folder of scheduled backups of the key ring (default: none are made)'),
  backupInterval: duration(86_400_000).describe(
    'how often there is one, beside those that follow each change of keys',
  ),
  backupKeep: count(1000).prefault('14').describe('how many are kept'),
  httpHost: text.prefault('127.0.0.1').describe('address of the public listener'),
  httpPort: port.prefault('9001').describe('port of the public listener'),
  adminHost: text.prefault('127.0.0.1').describe('address of the admin listener: metrics and details'),
  adminPort: port.prefault('9011').describe('port of the admin listener'),
  unsafeHttp: flag
    .prefault('false')
    .describe(
      'let other machines connect by plain http: only where a proxy in front speaks https with them, ' +
        'else secrets and tokens cross the network in clear',
    ),
  logLevel: oneOf(['debug', 'info', 'warn', 'error', 'silent'])
    .prefault('info')
    .describe('least level of the log'),
  accessTokenTtl: duration(DEFAULT_TIMING.maxTtlMs).describe('lifetime of access tokens'),
  accessTokenMaxTtl: optionalDuration
    .optional()
    .describe('longest lifetime that may be asked for (default: the lifetime)'),
  keysAlgorithm: oneOf(ALGORITHM_NAMES).prefault('RS256').describe('algorithm of keys made from now on'),
  keysRsaBits: oneOf(['2048', '3072', '4096']).prefault('2048').describe('modulus of RSA keys'),
  keysRotationInterval: duration(DEFAULT_TIMING.rotationIntervalMs).describe('how long a key signs'),
  keysEncryptionKey: text
    .optional()
    .describe('32 random bytes in base64 that seal the key ring, or several, the newest first'),
  keysEncryptionKeyFile: text.optional().describe('file that holds them instead'),
  keysGraceSkew: duration(DEFAULT_TIMING.graceSkewMs).describe(
    'how much longer than its last token a key is published',
  ),
  jwksMaxAge: duration(DEFAULT_TIMING.jwksMaxAgeMs).describe('max-age of the key set'),
  jwksStaleWhileRevalidate: duration(DEFAULT_TIMING.jwksStaleWhileRevalidateMs).describe(
    'stale-while-revalidate of the key set',
  ),
  jwksCdnAge: duration(DEFAULT_TIMING.jwksCdnAgeMs).describe(
    'age that a CDN in front may add to the key set',
  ),
  rootKeyFile: text
    .optional()
    .describe(
      'file of the root key that signs the key set, for verifiers that pin it (default: it is not signed)',
    ),
  signedJwksTtl: duration(4 * 3_600_000).describe(
    'how long a signed key set is good; a verifier has half of it at least',
  ),
  verifierRefresh: duration(DEFAULT_TIMING.verifierRefreshMs).describe(
    'what a verifier may need for a refresh',
  ),
  verifierMinCache: duration(DEFAULT_TIMING.verifierMinCacheMs).describe(
    'verifiers keep a set at least this long',
  ),
  storePoll: optionalDuration
    .optional()
    .describe('how soon another process sees a write to the ring (default: 1s; in PostgreSQL 5s)'),
  clockSkew: duration(DEFAULT_TIMING.clockSkewMs).describe('how far clocks may be apart'),
  clockTolerance: duration(DEFAULT_TIMING.clockToleranceMs).describe('tolerance that verifiers may use'),
})

/** Name of a setting. */
export type SettingKey = keyof z.output<typeof SETTINGS>

/** A setting by the name under which the reader gave it. */
export type NameOf = (key: SettingKey) => string

/** Settings, parsed one by one; how they fit together is another question. */
export type Settings = z.output<typeof SETTINGS>

/** Every name of {@link SETTINGS}. */
export const SETTING_KEYS = Object.freeze(Object.keys(SETTINGS.shape) as SettingKey[])

/** Taken from the environment only: command lines are for every user of the machine to see, and files are copied. */
export const SECRET_SETTINGS: ReadonlySet<SettingKey> = new Set(['keysEncryptionKey', 'databaseUrl'])

/** `httpPort` as `KEYTURN_HTTP_PORT`. */
export function variableOf(key: SettingKey): string {
  return `KEYTURN_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

/** `httpPort` as `--http-port`. */
export function flagOf(key: SettingKey): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

/** What the help says of a setting. */
export function descriptionOf(key: SettingKey): string {
  return SETTINGS.shape[key].description ?? ''
}

/** The text that stands for a setting nobody gives; `undefined` where its default depends on others. */
export function defaultOf(key: SettingKey): string | undefined {
  const { def } = SETTINGS.shape[key]
  return def.type === 'prefault' ? String(def.defaultValue) : undefined
}
