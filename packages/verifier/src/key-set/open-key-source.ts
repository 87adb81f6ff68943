import {
  type Clock,
  type JwkOptions,
  type JwkSet,
  JwkSetRefused,
  KeyturnError,
  parseJwkSet,
  urlBelow,
} from '@keyturn/core'
import type { VerifierEvent } from '../events.ts'
import { optionInvalid } from '../option-invalid.ts'
import type { VerifierOptions } from '../verifier-options.ts'
import { httpFetch } from './http-fetch.ts'
import { type KeySetFormat, plainFormat, signedFormat } from './key-set-format.ts'
import { parseKeySetUrl } from './key-set-url.ts'
import type { KeySource } from './key-source.ts'
import { PinnedKeySet } from './pinned-key-set.ts'
import { RemoteKeySet } from './remote-key-set.ts'
import { SnapshotFile, type SnapshotStore } from './snapshot-file.ts'

const DEFAULTS = Object.freeze({
  minCacheSeconds: 60,
  maxCacheSeconds: 3600,
  defaultCacheSeconds: 300,
  staleIfErrorSeconds: 3600,
  timeoutSeconds: 5,
})
/** Of the time-out of a fetch, for each of its phases. */
const PHASES = Object.freeze({
  connectTimeoutSeconds: 0.4,
  headersTimeoutSeconds: 0.6,
  bodyTimeoutSeconds: 0.6,
})
const SHORTEST_SECRET = 32
/** SHA-256 in base64url. */
const THUMBPRINT = /^[\w-]{43}$/

/**
 * Where a verifier with these options has its keys from.
 *
 * @throws {KeyturnError} `verifier_options_invalid`, `jwks_url_invalid`
 */
export function openKeySource(
  options: VerifierOptions,
  clock: Clock,
  onEvent: (event: VerifierEvent) => void,
): KeySource {
  const jwk: JwkOptions = {
    allowForeignKids: options.allowForeignKids === true,
    ...thumbprintsOf(options),
  }
  const pinned = options.pinnedKeys && givenSet('pinnedKeys', options.pinnedKeys, jwk)
  if (options.jwksUrl === null) {
    if (options.rootKeys !== undefined) {
      throw optionInvalid('rootKeys', 'a key set to fetch, not null')
    }
    if (pinned !== undefined) return new PinnedKeySet(pinned, clock)
    throw optionInvalid('jwksUrl', 'a URL, or pinnedKeys beside null')
  }
  const format = formatOf(options, jwk)
  const url = parseKeySetUrl(options.jwksUrl ?? defaultUrl(options.issuer, format), {
    unsafeAllowHttp: options.unsafeAllowHttp === true,
  })
  const times = timesOf(options)
  return new RemoteKeySet({
    ...times,
    url: url.href,
    fetch: options.fetch ?? httpFetch({ url, format, ...phasesOf(options), ...tlsOf(options) }),
    format,
    pinned,
    snapshots: snapshotsOf(options, url.href, clock),
    clock,
    onEvent,
    random: options.random ?? Math.random,
  })
}

/** With root keys nothing is believed but what one of them has signed. */
function formatOf(
  { rootKeys, issuer, clockToleranceSeconds, allowForeignKids }: VerifierOptions,
  jwk: JwkOptions,
) {
  if (rootKeys === undefined) return plainFormat(jwk)
  const roots = givenSet('rootKeys', rootKeys, { allowForeignKids: allowForeignKids === true }).keys
  return signedFormat({
    issuer,
    roots,
    jwk,
    ...(clockToleranceSeconds !== undefined && { clockToleranceSeconds }),
  })
}

function timesOf(options: VerifierOptions) {
  const ms = (name: keyof typeof DEFAULTS) => {
    const isZeroAllowed = name === 'staleIfErrorSeconds' || name === 'defaultCacheSeconds'
    return msOf(name, options[name] ?? DEFAULTS[name], isZeroAllowed)
  }
  const cache = {
    minMs: ms('minCacheSeconds'),
    maxMs: ms('maxCacheSeconds'),
    defaultMs: ms('defaultCacheSeconds'),
  }
  if (cache.minMs > cache.maxMs) {
    throw optionInvalid('maxCacheSeconds', 'at least minCacheSeconds')
  }
  return { cache, staleIfErrorMs: ms('staleIfErrorSeconds'), timeoutMs: ms('timeoutSeconds') }
}

function phasesOf(options: VerifierOptions) {
  const wholeSeconds = options.timeoutSeconds ?? DEFAULTS.timeoutSeconds
  const ms = (name: keyof typeof PHASES) => msOf(name, options[name] ?? wholeSeconds * PHASES[name], false)
  return {
    connectMs: ms('connectTimeoutSeconds'),
    headersMs: ms('headersTimeoutSeconds'),
    bodyMs: ms('bodyTimeoutSeconds'),
  }
}

function msOf(name: string, seconds: number, isZeroAllowed: boolean): number {
  if (Number.isFinite(seconds) && (seconds > 0 || (seconds === 0 && isZeroAllowed))) return seconds * 1000
  const least = isZeroAllowed ? '0 or more' : 'more than 0'
  throw optionInvalid(name, `a number of seconds, ${least}`)
}

function tlsOf({ ca, clientCert, clientKey, spkiPins }: VerifierOptions) {
  if ((clientCert === undefined) !== (clientKey === undefined)) {
    throw optionInvalid('clientCert', 'clientKey beside it')
  }
  return { ca, cert: clientCert, key: clientKey, spkiPins }
}

function thumbprintsOf({ pinnedThumbprints }: VerifierOptions): Pick<JwkOptions, 'thumbprints'> {
  if (pinnedThumbprints === undefined) return {}
  if (pinnedThumbprints.length === 0 || !pinnedThumbprints.every((one) => THUMBPRINT.test(one))) {
    throw optionInvalid(
      'pinnedThumbprints',
      'RFC 7638 thumbprints: 43 characters of base64url each, at least one',
    )
  }
  return { thumbprints: new Set(pinnedThumbprints) }
}

/** Every one of them has to be good: somebody has chosen them. */
function givenSet(option: 'pinnedKeys' | 'rootKeys', document: object, jwk: JwkOptions): JwkSet {
  try {
    const set = parseJwkSet(Buffer.from(JSON.stringify(document)), jwk)
    if (set.skipped.length === 0) return set
    throw optionInvalid(option, `public keys (${set.skipped[0]?.code})`)
  } catch (error) {
    throw error instanceof JwkSetRefused ? optionInvalid(option, `a key set (${error.code})`) : error
  }
}

function snapshotsOf(
  { snapshotFile: path, snapshotSecret: secret }: VerifierOptions,
  url: string,
  clock: Clock,
): SnapshotStore | undefined {
  if (path === undefined && secret === undefined) return undefined
  if (path === undefined || path === '') {
    throw optionInvalid('snapshotFile', 'a path beside snapshotSecret')
  }
  if (secret === undefined || secret.length < SHORTEST_SECRET) {
    throw optionInvalid('snapshotSecret', `at least ${SHORTEST_SECRET} characters beside snapshotFile`, {
      remedy: 'make one: openssl rand -base64 32',
    })
  }
  return new SnapshotFile({ path, url, secret, clock })
}

function defaultUrl(issuer: string, { path }: KeySetFormat): string {
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || /[?#]/.test(issuer)) {
    throw new KeyturnError('jwks_url_invalid', 'jwksUrl: expected one, since the issuer is no plain URL')
  }
  return urlBelow(issuer, path)
}
