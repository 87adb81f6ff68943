import type { KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { KeyturnError } from '@keyturn/core'
import { type KeyPolicy, policyViolations } from '@keyturn/keyring'
import { readEncryptionKeys } from './encryption-keys.ts'
import { SETTINGS, type SettingKey, type Settings, variableOf } from './settings.ts'
import { type ConfigSources, collectSettings, type GivenSettings } from './sources.ts'

/** Settings of the authority that fit together. */
export interface AuthorityConfig {
  readonly issuer: string
  /** `aud` of tokens that name no other. */
  readonly audience: string
  /** Absolute. */
  readonly dataDir: string
  readonly store: 'file' | 'memory'
  readonly http: Listener
  readonly admin: Listener
  readonly policy: KeyPolicy
  /** They seal the key ring, the newest first; none: it is not sealed. */
  readonly encryptionKeys: readonly KeyObject[]
  readonly accessTokenTtlSeconds: number
  readonly logLevel: Settings['logLevel']
}

/** Where a listener binds; port 0 takes a free one. */
export interface Listener {
  readonly host: string
  readonly port: number
}

/**
 * Reads the configuration, checks each value, and then that they agree with each other.
 *
 * @throws {KeyturnError} `config_invalid` with every line that is wrong, and what {@link collectSettings} throws
 */
export function loadConfig(sources: ConfigSources): AuthorityConfig {
  const settings = parseSettings(collectSettings(sources))
  const policy = policyOf(settings)
  const issuer = issuerOf(settings) ?? ''
  const config: AuthorityConfig = Object.freeze({
    issuer,
    audience: settings.audience ?? issuer,
    dataDir: resolve(settings.dataDir),
    store: settings.store,
    http: { host: settings.httpHost, port: settings.httpPort },
    admin: { host: settings.adminHost, port: settings.adminPort },
    policy,
    encryptionKeys: readEncryptionKeys({
      text: settings.keysEncryptionKey,
      file: settings.keysEncryptionKeyFile,
      credentialsDirectory: sources.env.CREDENTIALS_DIRECTORY,
    }),
    accessTokenTtlSeconds: settings.accessTokenTtl / 1000,
    logLevel: settings.logLevel,
  })
  const lines = [...disagreements(config, settings), ...policyViolations(policy)]
  if (lines.length > 0) throw invalid(lines)
  return config
}

/** Says whether only this machine reaches an address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

function parseSettings(given: GivenSettings): Settings {
  const texts = Object.fromEntries([...given].map(([key, { text }]) => [key, text]))
  const outcome = SETTINGS.safeParse(texts)
  if (outcome.success) return outcome.data
  const nameOf = (key: SettingKey) => given.get(key)?.name ?? variableOf(key)
  throw invalid(
    outcome.error.issues.map(({ path, message }) => `${nameOf(path[0] as SettingKey)}: ${message}`),
  )
}

function disagreements(config: AuthorityConfig, { unsafeHttp }: Settings): readonly string[] {
  const lines: string[] = []
  const { issuer, accessTokenTtlSeconds: ttl, policy } = config
  if (issuer === '') lines.push('KEYTURN_ISSUER: expected the URL under which services know this authority')
  if (!Number.isInteger(ttl) || ttl < 1)
    lines.push('KEYTURN_ACCESS_TOKEN_TTL: expected whole seconds, at least 1s')
  if (ttl * 1000 > policy.timing.maxTtlMs) {
    lines.push('KEYTURN_ACCESS_TOKEN_TTL must be at most KEYTURN_ACCESS_TOKEN_MAX_TTL')
  }
  if (policy.timing.jwksMaxAgeMs % 1000 !== 0 || policy.timing.jwksStaleWhileRevalidateMs % 1000 !== 0) {
    lines.push('KEYTURN_JWKS_MAX_AGE and KEYTURN_JWKS_STALE_WHILE_REVALIDATE: expected whole seconds')
  }
  for (const [name, { host }] of [
    ['KEYTURN_HTTP_HOST', config.http],
    ['KEYTURN_ADMIN_HOST', config.admin],
  ] as const) {
    if (isLoopback(host) || unsafeHttp) continue
    lines.push(`${name}: plain http is for this machine only; with TLS in front of it, say so: --unsafe-http`)
  }
  return lines
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
      storePollMs: settings.storePoll,
      clockSkewMs: settings.clockSkew,
      clockToleranceMs: settings.clockTolerance,
    }),
  })
}

function issuerOf({ issuer, httpHost, httpPort }: Settings): string | undefined {
  if (issuer !== undefined) return issuer
  return isLoopback(httpHost) && httpPort !== 0 ? `http://localhost:${httpPort}` : undefined
}

function invalid(lines: readonly string[]): KeyturnError {
  return new KeyturnError('config_invalid', lines.join('; '), {
    remedy: 'check it with: keyturn config check',
  })
}
