import type { KeyObject } from 'node:crypto'
import { resolve } from 'node:path'
import { isLoopback, KeyturnError } from '@keyturn/core'
import { DEFAULT_TIMING, type KeyPolicy } from '@keyturn/keyring'
import type { BackupPolicy } from '../backups/backup-schedule.ts'
import { backupWarnings, isBelow } from './backup-settings.ts'
import { databaseWarnings } from './database-warnings.ts'
import { disagreements } from './disagreements.ts'
import { readEncryptionKeys } from './encryption-keys.ts'
import { issuerWarnings } from './issuer.ts'
import type { Listener } from './listen-address.ts'
import { givenSecret, type Warn } from './secret-text.ts'
import { type NameOf, SETTINGS, type SettingKey, type Settings, variableOf } from './settings.ts'
import { type ConfigSources, collectSettings, type GivenSettings } from './sources.ts'

const FILE_POLL_MS = DEFAULT_TIMING.storePollMs
/** NOTIFY tells of most changes sooner. */
const POSTGRES_POLL_MS = 5000

/** Settings of the authority that fit together. */
export interface AuthorityConfig {
  readonly issuer: string
  /** `aud` of tokens that name no other. */
  readonly audience: string
  /** Absolute. */
  readonly dataDir: string
  readonly store: Settings['store']
  /** Where the ring is, where it is in PostgreSQL, and for how long a replica may issue tokens without it. */
  readonly database: { readonly url: string; readonly maxStalenessMs: number } | undefined
  /** Scheduled backups of the ring; `undefined`: none. `dir` is absolute. */
  readonly backups: (BackupPolicy & { readonly dir: string }) | undefined
  readonly http: Listener
  readonly admin: Listener
  readonly policy: KeyPolicy
  /** They seal the key ring, the newest first; none: it is not sealed. */
  readonly encryptionKeys: readonly KeyObject[]
  /** What signs the key set; `undefined`: nothing does. `file` is absolute. */
  readonly root: { readonly file: string; readonly setTtlSeconds: number } | undefined
  readonly accessTokenTtlSeconds: number
  readonly logLevel: Settings['logLevel']
  /** What an operator should know, and what keeps nothing from starting. */
  readonly warnings: readonly string[]
}

/**
 * Reads the configuration, checks each value, and then that they agree with each other.
 *
 * @throws {KeyturnError} `config_invalid` with every line that is wrong, and what {@link collectSettings} throws
 */
export function loadConfig(sources: ConfigSources): AuthorityConfig {
  const given = collectSettings(sources)
  const nameOf: NameOf = (key) => given.get(key)?.name ?? variableOf(key)
  const settings = parseSettings(given, nameOf)
  const policy = policyOf(settings)
  const issuer = issuerOf(settings)
  const lines = disagreements({ settings, issuer, policy }, nameOf)
  if (issuer === undefined || lines.length > 0) throw invalid(lines)
  const warnings: string[] = [...issuerWarnings(issuer, nameOf('issuer'))]
  const warn: Warn = (line) => warnings.push(line)
  const encryptionKeys = readEncryptionKeys(
    {
      text: settings.keysEncryptionKey,
      file: settings.keysEncryptionKeyFile,
      credentialsDirectory: sources.env.CREDENTIALS_DIRECTORY,
    },
    nameOf,
    warn,
  )
  const isSealed = encryptionKeys.length > 0
  const database = databaseOf(settings, nameOf, warn)
  if (database !== undefined) {
    const name = nameOf(settings.databaseUrlFile === undefined ? 'databaseUrl' : 'databaseUrlFile')
    const { url } = database
    warnings.push(...databaseWarnings({ name, url, sslMode: sources.env.PGSSLMODE }, isSealed, nameOf))
  }
  warnings.push(...backupWarnings(settings, isSealed, nameOf))
  if (settings.rootKeyFile !== undefined && isBelow(settings.rootKeyFile, settings.dataDir)) {
    warnings.push(
      `${nameOf('rootKeyFile')}: it is in the data folder, so that who gets the keys has the root, too`,
    )
  }
  return Object.freeze({
    issuer,
    audience: settings.audience ?? issuer,
    dataDir: resolve(settings.dataDir),
    store: settings.store,
    database,
    backups: backupsOf(settings),
    http: { host: settings.httpHost, port: settings.httpPort },
    admin: { host: settings.adminHost, port: settings.adminPort },
    policy,
    encryptionKeys,
    root: rootOf(settings),
    accessTokenTtlSeconds: settings.accessTokenTtl / 1000,
    logLevel: settings.logLevel,
    warnings,
  })
}

function parseSettings(given: GivenSettings, nameOf: NameOf): Settings {
  const texts = Object.fromEntries([...given].map(([key, { text }]) => [key, text]))
  const outcome = SETTINGS.safeParse(texts)
  if (outcome.success) return outcome.data
  throw invalid(
    outcome.error.issues.map(({ path, message }) => `${nameOf(path[0] as SettingKey)}: ${message}`),
  )
}

/** @throws {KeyturnError} `config_invalid`, and what {@link givenSecret} throws */
function databaseOf(settings: Settings, nameOf: NameOf, warn: Warn): AuthorityConfig['database'] {
  const { databaseUrl: text, databaseUrlFile: file } = settings
  const given = givenSecret({ key: 'databaseUrl', text, file }, nameOf, warn)
  if (given === undefined) return undefined
  const url = given.text.trim()
  if (!/^postgres(ql)?:\/\/\S+$/.test(url)) {
    throw invalid([`${given.name}: expected postgres://user:password@host:5432/database`])
  }
  return Object.freeze({ url, maxStalenessMs: settings.storeMaxStaleness })
}

function policyOf(settings: Settings): KeyPolicy {
  return Object.freeze({
    algorithm: settings.keysAlgorithm,
    rsaBits: Number(settings.keysRsaBits) as KeyPolicy['rsaBits'],
    timing: Object.freeze({
      rotationIntervalMs: settings.keysRotationInterval,
      graceSkewMs: settings.keysGraceSkew,
      maxTtlMs: settings.accessTokenMaxTtl ?? settings.accessTokenTtl,
      jwksMaxAgeMs: settings.jwksMaxAge,
      jwksStaleWhileRevalidateMs: settings.jwksStaleWhileRevalidate,
      jwksCdnAgeMs: settings.jwksCdnAge,
      verifierRefreshMs: settings.verifierRefresh,
      verifierMinCacheMs: settings.verifierMinCache,
      storePollMs: settings.storePoll ?? (settings.store === 'postgres' ? POSTGRES_POLL_MS : FILE_POLL_MS),
      clockSkewMs: settings.clockSkew,
      clockToleranceMs: settings.clockTolerance,
    }),
  })
}

function backupsOf({ backupDir, backupInterval: intervalMs, backupKeep: keep }: Settings) {
  return backupDir === undefined ? undefined : Object.freeze({ dir: resolve(backupDir), intervalMs, keep })
}

function rootOf({ rootKeyFile, signedJwksTtl }: Settings) {
  if (rootKeyFile === undefined) return undefined
  return Object.freeze({ file: resolve(rootKeyFile), setTtlSeconds: signedJwksTtl / 1000 })
}

function issuerOf({ issuer, httpHost, httpPort }: Settings): string | undefined {
  if (issuer !== undefined) return issuer
  return isLoopback(httpHost) && httpPort !== 0 ? `http://localhost:${httpPort}` : undefined
}

function invalid(lines: readonly string[]): KeyturnError {
  return new KeyturnError('config_invalid', lines.join('; '), { remedy: 'see: keyturn serve --help' })
}
