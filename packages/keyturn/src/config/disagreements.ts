import { formatDuration, isLoopback } from '@keyturn/core'
import { type KeyPolicy, type PolicyViolation, policyViolations } from '@keyturn/keyring'
import { backupDisagreements } from './backup-settings.ts'
import { isSameAddress } from './listen-address.ts'
import type { NameOf, SettingKey, Settings } from './settings.ts'

/** Settings each of which is well formed, and what follows from them. */
export interface Proposal {
  readonly settings: Settings
  readonly issuer: string | undefined
  readonly policy: KeyPolicy
}

/** Which setting each part of the key policy comes from. */
const SETTING_BY_PART: Readonly<Record<Exclude<PolicyViolation['about'], 'timing'>, SettingKey>> =
  Object.freeze({
    algorithm: 'keysAlgorithm',
    rsaBits: 'keysRsaBits',
    rotationIntervalMs: 'keysRotationInterval',
    graceSkewMs: 'keysGraceSkew',
    maxTtlMs: 'accessTokenMaxTtl',
    jwksMaxAgeMs: 'jwksMaxAge',
    jwksStaleWhileRevalidateMs: 'jwksStaleWhileRevalidate',
    jwksCdnAgeMs: 'jwksCdnAge',
    verifierRefreshMs: 'verifierRefresh',
    verifierMinCacheMs: 'verifierMinCache',
    storePollMs: 'storePoll',
    clockSkewMs: 'clockSkew',
    clockToleranceMs: 'clockTolerance',
  })

/** Every way in which settings do not fit together, each as a line that names them as they were given. */
export function disagreements(proposal: Proposal, nameOf: NameOf): readonly string[] {
  const { settings, issuer, policy } = proposal
  const lines = [
    ...lifetimes(settings, nameOf),
    ...listeners(settings, nameOf),
    ...backupDisagreements(settings, nameOf),
    ...database(settings, policy, nameOf),
    ...signedSet(settings, nameOf),
  ]
  if (issuer === undefined) {
    lines.unshift(`${nameOf('issuer')}: expected the URL under which services know this authority`)
  }
  const wholeSeconds = (['jwksMaxAge', 'jwksStaleWhileRevalidate'] as const).filter(
    (key) => settings[key] % 1000 !== 0,
  )
  for (const key of wholeSeconds) lines.push(`${nameOf(key)}: expected whole seconds`)
  const placeOf = (about: PolicyViolation['about']) => {
    if (about === 'timing') return about
    // without a maximum of its own, the lifetime is what is reserved on keys
    const isTtl = about === 'maxTtlMs' && settings.accessTokenMaxTtl === undefined
    return nameOf(isTtl ? 'accessTokenTtl' : SETTING_BY_PART[about])
  }
  const broken = policyViolations(policy)
  return [...lines, ...broken.map(({ about, problem }) => `${placeOf(about)}: ${problem}`)]
}

function lifetimes({ accessTokenTtl, accessTokenMaxTtl }: Settings, nameOf: NameOf): string[] {
  const lines: string[] = []
  const name = nameOf('accessTokenTtl')
  if (accessTokenTtl < 1000 || accessTokenTtl % 1000 !== 0) {
    lines.push(`${name}: expected whole seconds, at least 1s`)
  }
  if (accessTokenMaxTtl !== undefined && accessTokenTtl > accessTokenMaxTtl) {
    lines.push(`${name}: expected at most ${nameOf('accessTokenMaxTtl')}`)
  }
  return lines
}

function database(settings: Settings, { timing }: KeyPolicy, nameOf: NameOf): string[] {
  const given = (['databaseUrl', 'databaseUrlFile'] as const).find((key) => settings[key] !== undefined)
  const isWanted = settings.store === 'postgres'
  if (isWanted && given === undefined) {
    return [`${nameOf('databaseUrl')}: expected the database, since ${nameOf('store')} is postgres`]
  }
  if (!isWanted && given !== undefined) {
    return [`${nameOf(given)}: expected none, or ${nameOf('store')} to be postgres`]
  }
  // it is looked for twice in that time, and once may fail
  if (!isWanted || settings.storeMaxStaleness >= 2 * timing.storePollMs) return []
  return [`${nameOf('storeMaxStaleness')}: expected at least twice ${nameOf('storePoll')}`]
}

/** Whatever cache a signed set comes out of, verifiers can still use it for as long as it may be kept there. */
function signedSet(settings: Settings, nameOf: NameOf): string[] {
  const { rootKeyFile, signedJwksTtl, jwksMaxAge, jwksStaleWhileRevalidate, jwksCdnAge } = settings
  if (rootKeyFile === undefined) return []
  const name = nameOf('signedJwksTtl')
  if (signedJwksTtl % 2000 !== 0) return [`${name}: expected whole seconds, an even number of them`]
  const leastMs = 4 * (jwksMaxAge + jwksStaleWhileRevalidate + jwksCdnAge)
  if (signedJwksTtl >= leastMs) return []
  const cached = (['jwksMaxAge', 'jwksStaleWhileRevalidate', 'jwksCdnAge'] as const).map(nameOf)
  return [
    `${name}: expected at least ${formatDuration(leastMs)}, four times what caches may keep a set (${cached.join(', ')})`,
  ]
}

function listeners(settings: Settings, nameOf: NameOf): string[] {
  const lines: string[] = []
  const http = { host: settings.httpHost, port: settings.httpPort }
  const admin = { host: settings.adminHost, port: settings.adminPort }
  for (const key of ['httpHost', 'adminHost'] as const) {
    if (isLoopback(settings[key]) || settings.unsafeHttp) continue
    lines.push(
      `${nameOf(key)}: plain http is for this machine only, as on 127.0.0.1 ` +
        '(where a proxy in front speaks https with all others, say so: --unsafe-http)',
    )
  }
  if (isSameAddress(http, admin)) {
    lines.push(`${nameOf('httpPort')} and ${nameOf('adminPort')}: expected two ports`)
  }
  return lines
}
