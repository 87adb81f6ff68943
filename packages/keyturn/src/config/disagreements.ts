import { type KeyPolicy, policyViolations } from '@keyturn/keyring'
import { isLoopback, isSameAddress } from './listen-address.ts'
import type { SettingKey, Settings } from './settings.ts'

/** A setting by the name under which the reader gave it. */
export type NameOf = (key: SettingKey) => string

/** Settings each of which is well formed, and what follows from them. */
export interface Proposal {
  readonly settings: Settings
  readonly issuer: string | undefined
  readonly policy: KeyPolicy
}

/** How the lines of the key policy begin, and which setting they are about. */
const SETTING_BY_BEGINNING: readonly (readonly [string, SettingKey])[] = Object.freeze([
  ['algorithm ', 'keysAlgorithm'],
  ['rotation interval ', 'keysRotationInterval'],
  ['rotationIntervalMs ', 'keysRotationInterval'],
  ['grace skew ', 'keysGraceSkew'],
  ['graceSkewMs ', 'keysGraceSkew'],
  ['maxTtlMs ', 'accessTokenMaxTtl'],
  ['jwksMaxAgeMs ', 'jwksMaxAge'],
  ['jwksStaleWhileRevalidateMs ', 'jwksStaleWhileRevalidate'],
  ['jwksCdnAgeMs ', 'jwksCdnAge'],
  ['verifierRefreshMs ', 'verifierRefresh'],
  ['verifierMinCacheMs ', 'verifierMinCache'],
  ['storePollMs ', 'storePoll'],
  ['clockSkewMs ', 'clockSkew'],
  ['clockToleranceMs ', 'clockTolerance'],
])

/** Every way in which settings do not fit together, each as a line that names them as they were given. */
export function disagreements(proposal: Proposal, nameOf: NameOf): readonly string[] {
  const { settings, issuer, policy } = proposal
  const lines = [...lifetimes(settings, nameOf), ...listeners(settings, nameOf)]
  if (issuer === undefined) {
    lines.unshift(`${nameOf('issuer')}: expected the URL under which services know this authority`)
  }
  const wholeSeconds = (['jwksMaxAge', 'jwksStaleWhileRevalidate'] as const).filter(
    (key) => settings[key] % 1000 !== 0,
  )
  for (const key of wholeSeconds) lines.push(`${nameOf(key)}: expected whole seconds`)
  // without a maximum of its own, the lifetime is what is reserved on keys
  const reserved = settings.accessTokenMaxTtl === undefined ? 'accessTokenTtl' : 'accessTokenMaxTtl'
  const nameOfPolicy: NameOf = (key) => nameOf(key === 'accessTokenMaxTtl' ? reserved : key)
  return [...lines, ...policyViolations(policy).map((line) => withName(line, nameOfPolicy))]
}

function lifetimes({ accessTokenTtl, accessTokenMaxTtl }: Settings, nameOf: NameOf): string[] {
  const lines: string[] = []
  const name = nameOf('accessTokenTtl')
  if (accessTokenTtl < 1000 || accessTokenTtl % 1000 !== 0) {
    lines.push(`${name}: expected whole seconds, at least 1s`)
  }
  if (accessTokenMaxTtl !== undefined && accessTokenTtl > accessTokenMaxTtl) {
    lines.push(`${name} must be at most ${nameOf('accessTokenMaxTtl')}`)
  }
  return lines
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

function withName(line: string, nameOf: NameOf): string {
  const [beginning, key] = SETTING_BY_BEGINNING.find(([start]) => line.startsWith(start)) ?? []
  if (beginning === undefined || key === undefined) return line
  return beginning.includes('Ms ')
    ? nameOf(key) + line.slice(beginning.length - 1)
    : `${nameOf(key)}: ${line}`
}
