import { systemClock } from '@keyturn/core'
import { testIssuer } from '@keyturn/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { VerifierOptions } from '../verifier-options.ts'
import { httpFetch } from './http-fetch.ts'
import { openKeySource } from './open-key-source.ts'
import { PinnedKeySet } from './pinned-key-set.ts'
import { RemoteKeySet } from './remote-key-set.ts'
import { SnapshotFile } from './snapshot-file.ts'

vi.mock('./http-fetch.ts', () => ({ httpFetch: vi.fn(() => FETCH) }))
vi.mock('./remote-key-set.ts', () => ({ RemoteKeySet: vi.fn(class {}) }))
vi.mock('./snapshot-file.ts', () => ({ SnapshotFile: vi.fn(class {}) }))
afterEach(() => vi.clearAllMocks())

const FETCH = () => {}
const onEvent = () => {}
const required = { issuer: 'https://auth.example', audience: 'orders' }
const { keys } = (await testIssuer()).jwks()
const [key = {}] = keys

const open = (options: Partial<VerifierOptions> = {}) =>
  openKeySource({ ...required, ...options }, systemClock, onEvent)

/** What a key set of an endpoint is made of with these options, and its HTTP client. */
function remote(options: Partial<VerifierOptions> = {}) {
  open(options)
  const [made] = vi.mocked(RemoteKeySet).mock.lastCall ?? []
  const [http] = vi.mocked(httpFetch).mock.lastCall ?? []
  return { ...made, http }
}

function refusal(options: Partial<VerifierOptions>) {
  try {
    open(options)
  } catch (error) {
    return error
  }
  return undefined
}

describe('where a verifier has its keys from (R33, R35, R37)', () => {
  it('is an endpoint below the issuer, with these times, unless it is told otherwise', () => {
    const format = { path: '/.well-known/jwks.json', read: expect.any(Function) }
    expect(remote()).toMatchObject({
      url: 'https://auth.example/.well-known/jwks.json',
      fetch: FETCH,
      format,
      cache: { minMs: 60_000, maxMs: 3_600_000, defaultMs: 300_000 },
      staleIfErrorMs: 3_600_000,
      timeoutMs: 5000,
      pinned: undefined,
      snapshots: undefined,
      clock: systemClock,
      onEvent,
      random: Math.random,
      http: {
        url: new URL('https://auth.example/.well-known/jwks.json'),
        format,
        connectMs: 2000,
        headersMs: 3000,
        bodyMs: 3000,
      },
    })
  })

  it('is what it is told', () => {
    const random = () => 0
    const told = remote({
      jwksUrl: 'http://keys.example/jwks?tenant=1',
      unsafeAllowHttp: true,
      minCacheSeconds: 1,
      maxCacheSeconds: 1,
      defaultCacheSeconds: 0,
      staleIfErrorSeconds: 0,
      timeoutSeconds: 10,
      bodyTimeoutSeconds: 0.5,
      random,
    })
    expect(told).toMatchObject({
      url: 'http://keys.example/jwks?tenant=1',
      cache: { minMs: 1000, maxMs: 1000, defaultMs: 0 },
      staleIfErrorMs: 0,
      timeoutMs: 10_000,
      random,
      http: { connectMs: 4000, headersMs: 6000, bodyMs: 500 },
    })
  })

  it('is asked by the client that it is told of, with no trust but its own', () => {
    const fetch = async () =>
      ({ status: 304, etag: undefined, cacheControl: undefined, age: undefined }) as const
    expect(remote({ fetch })).toMatchObject({ fetch, http: undefined })
    const trust = { ca: 'a', clientCert: 'b', clientKey: 'c', spkiPins: ['d'] }
    expect(remote(trust).http).toMatchObject({ ca: 'a', cert: 'b', key: 'c', spkiPins: ['d'] })
  })

  it('is pinned keys beside the endpoint, or in its place', () => {
    const kids = keys.map(({ kid }) => kid)
    expect([...(remote({ pinnedKeys: { keys } }).pinned?.keys.keys() ?? [])]).toEqual(kids)
    const pinned = open({ jwksUrl: null, pinnedKeys: { keys } })
    expect(pinned).toBeInstanceOf(PinnedKeySet)
    expect(pinned.report()).toEqual({
      status: 'fresh',
      source: 'pinned',
      kids,
      circuit: 'closed',
      consecutiveFailures: 0,
      refreshes: { success: 0, failure: 0 },
    })
  })

  it('is a snapshot of that very endpoint beside it', () => {
    const secret = 'x'.repeat(32)
    expect(remote({ snapshotFile: 'a', snapshotSecret: secret }).snapshots).toBeInstanceOf(SnapshotFile)
    const url = 'https://auth.example/.well-known/jwks.json'
    expect(SnapshotFile).toHaveBeenCalledWith({ path: 'a', url, secret, clock: systemClock })
  })

  const both = 'expected a path beside snapshotSecret'
  const secret = 'expected at least 32 characters beside snapshotFile'
  it.each<[Partial<VerifierOptions>, string]>([
    [{ jwksUrl: null }, 'jwksUrl: expected a URL, or pinnedKeys beside null'],
    [{ jwksUrl: null, rootKeys: { keys } }, 'rootKeys: expected a key set to fetch, not null'],
    [{ pinnedKeys: { keys: [] } }, 'pinnedKeys: expected a key set (key_set_without_usable_key)'],
    [{ pinnedKeys: { keys: [key, {}] } }, 'pinnedKeys: expected public keys (key_malformed)'],
    [
      { pinnedKeys: { keys }, pinnedThumbprints: [keys[0]?.kid as string] },
      'pinnedKeys: expected public keys (key_not_pinned)',
    ],
    [{ rootKeys: {} as never }, 'rootKeys: expected a key set (key_set_malformed)'],
    [{ maxCacheSeconds: 59 }, 'maxCacheSeconds: expected at least minCacheSeconds'],
    [{ minCacheSeconds: 0 }, 'minCacheSeconds: expected a number of seconds, more than 0'],
    [{ maxCacheSeconds: 0 }, 'maxCacheSeconds: expected a number of seconds, more than 0'],
    [{ defaultCacheSeconds: -1 }, 'defaultCacheSeconds: expected a number of seconds, 0 or more'],
    [
      { staleIfErrorSeconds: Number.POSITIVE_INFINITY },
      'staleIfErrorSeconds: expected a number of seconds, 0 or more',
    ],
    [{ timeoutSeconds: 0 }, 'timeoutSeconds: expected a number of seconds, more than 0'],
    [{ connectTimeoutSeconds: 0 }, 'connectTimeoutSeconds: expected a number of seconds, more than 0'],
    [{ headersTimeoutSeconds: 0 }, 'headersTimeoutSeconds: expected a number of seconds, more than 0'],
    [{ bodyTimeoutSeconds: -1 }, 'bodyTimeoutSeconds: expected a number of seconds, more than 0'],
    [{ clientCert: 'a' }, 'clientCert: expected clientKey beside it'],
    [{ clientKey: 'a' }, 'clientCert: expected clientKey beside it'],
    [{ snapshotSecret: 'x'.repeat(32) }, `snapshotFile: ${both}`],
    [{ snapshotFile: '', snapshotSecret: 'x'.repeat(32) }, `snapshotFile: ${both}`],
    [{ snapshotFile: 'a' }, `snapshotSecret: ${secret}`],
    [{ snapshotFile: 'a', snapshotSecret: 'x'.repeat(31) }, `snapshotSecret: ${secret}`],
  ])('is nowhere, and is said to be, where the options mean nothing: case %#', (options, message) => {
    expect(refusal(options)).toMatchObject({ code: 'verifier_options_invalid', message })
  })

  it('is said to be wrong together with what helps', () => {
    expect(refusal({ snapshotFile: 'a' })).toMatchObject({ remedy: 'make one: openssl rand -base64 32' })
  })

  it.each([
    ['supermq.auth'],
    ['ftp://auth.example'],
    ['xhttps://auth.example'],
    ['https-x://auth.example'],
    ['https://auth.example?tenant=1'],
    ['https://auth.example#x'],
    ['https://auth.example?'],
  ])('is not below the issuer %s, which is no plain URL', (issuer) => {
    expect(refusal({ issuer })).toMatchObject({
      code: 'jwks_url_invalid',
      message: 'jwksUrl: expected one, since the issuer is no plain URL',
    })
    expect(remote({ issuer, jwksUrl: 'https://keys.example/' }).url).toBe('https://keys.example/')
  })

  it('is read by its own rules: which kids, which thumbprints, and under which root', () => {
    const document = Buffer.from(JSON.stringify({ keys: [{ ...key, kid: 'foreign' }, keys[1]] }))
    const kidsIn = (options: Partial<VerifierOptions>) => [
      ...(remote(options).format?.read(document, 0).keys.keys() ?? []),
    ]
    const own = keys[1]?.kid as string
    expect(kidsIn({})).toEqual([own])
    expect(kidsIn({ allowForeignKids: true })).toEqual(['foreign', own])
    expect(kidsIn({ allowForeignKids: true, pinnedThumbprints: [own] })).toEqual([own])
    const roots = { keys: [{ ...key, kid: 'root' }] }
    expect(refusal({ rootKeys: roots })).toMatchObject({ code: 'verifier_options_invalid' })
    expect(remote({ rootKeys: roots, allowForeignKids: true }).url).toMatch(/jwks\.jwt$/)
    const root = () => remote({ rootKeys: { keys } }).format?.read(document, 0)
    expect(root).toThrow(expect.objectContaining({ code: 'key_set_not_signed' }))
  })
})
