import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { FileKeyStore, stateOf } from '@keyturn/keyring'
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type AuthorityReady, type Running, startAuthority, stopAll } from './end-to-end/processes.ts'

// Two authorities on one data folder, as when a deployment starts the new one before the old one has ended (R15, R17).

/** A rotation every two seconds; tokens live for six. */
const TIMINGS = {
  KEYTURN_KEYS_ROTATION_INTERVAL: '2s',
  KEYTURN_KEYS_GRACE_SKEW: '1s',
  KEYTURN_ACCESS_TOKEN_TTL: '6s',
  KEYTURN_JWKS_MAX_AGE: '0s',
  KEYTURN_JWKS_STALE_WHILE_REVALIDATE: '0s',
  KEYTURN_VERIFIER_REFRESH: '300ms',
  KEYTURN_VERIFIER_MIN_CACHE: '0s',
  KEYTURN_STORE_POLL: '200ms',
  KEYTURN_CLOCK_SKEW: '100ms',
  KEYTURN_CLOCK_TOLERANCE: '0s',
}
const ROTATIONS = 6
/** Two kills and two naps, and one more. */
const LEAST_DISTURBANCES = 4
const LONGEST_MS = 60_000
const PAUSE_MS = 100
const DISTURBANCE_MS = 1300
const NAP_MS = 900
/** How near to its end a token is not looked at any more. */
const TOO_LATE_MS = 500

let folder: string
let env: Record<string, string>
const held: string[] = []

beforeEach(async () => {
  held.length = 0
  folder = await mkdtemp(join(tmpdir(), 'keyturn-two-'))
  env = {
    ...TIMINGS,
    KEYTURN_ISSUER: 'http://auth.test',
    KEYTURN_DATA_DIR: join(folder, 'data'),
    KEYTURN_HTTP_PORT: '0',
    KEYTURN_ADMIN_PORT: '0',
    KEYTURN_KEYS_ALGORITHM: 'EdDSA',
  }
})
afterEach(async () => {
  await stopAll()
  await rm(folder, { recursive: true, force: true })
})

type KeySet = Parameters<typeof createLocalJWKSet>[0]
const keySetOf = async ({ ready }: Running<AuthorityReady>) =>
  (await (await fetch(`${ready.url}/.well-known/jwks.json`)).json()) as KeySet

async function askForToken({ ready }: Running<AuthorityReady>): Promise<string> {
  const file = await readFile(join(folder, 'data/bootstrap-client.json'), 'utf8')
  const { clientId, clientSecret } = JSON.parse(file)
  const response = await fetch(`${ready.url}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
    headers: { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}` },
  })
  const { access_token: token } = (await response.json()) as { access_token: string }
  expect([response.status, typeof token]).toEqual([200, 'string'])
  return token
}

/** Whatever one authority has signed, the set of each of them has the key for. */
async function expectAllTokensGood(authorities: readonly Running<AuthorityReady>[]): Promise<void> {
  for (const authority of authorities) {
    const keySet = createLocalJWKSet(await keySetOf(authority))
    const until = Date.now() + TOO_LATE_MS
    held.splice(0, held.length, ...held.filter((token) => (decodeJwt(token).exp ?? 0) * 1000 > until))
    for (const token of held) await jwtVerify(token, keySet)
  }
}

async function expectOrderlyRing(): Promise<void> {
  const ring = await new FileKeyStore({ directory: join(folder, 'data/keys') }).load()
  const now = Math.max(Date.now(), ring?.writtenAt ?? 0)
  const states = ring?.keys.map((key) => stateOf(key, now)) ?? []
  expect(states.filter((it) => it === 'active')).toHaveLength(1)
  expect(states.filter((it) => it === 'next').length).toBeLessThanOrEqual(1)
}

describe('two authorities on one folder (R15, R16, R17)', () => {
  it('make one installation when they start for the first time at once', async () => {
    const both = await Promise.all([startAuthority(env), startAuthority(env)])
    const sets = await Promise.all(both.map(keySetOf))
    expect(sets[0]).toEqual(sets[1])
    for (const one of both) held.push(await askForToken(one))
    await expectAllTokensGood(both)
  })

  it('turn the keys as one does, while either is killed or sleeps: every token is good', async () => {
    const authorities = await Promise.all([startAuthority(env), startAuthority(env)])
    const awake = new Set(authorities)
    const kids = new Set<string>()
    const failures: unknown[] = []
    const until = Date.now() + LONGEST_MS
    let disturbances = 0
    const isEnough = () => kids.size > ROTATIONS && disturbances > LEAST_DISTURBANCES
    const isDone = () => isEnough() || failures.length > 0 || Date.now() > until

    const disturbing = (async () => {
      for (; !isDone(); disturbances++) {
        await sleep(DISTURBANCE_MS)
        const index = disturbances % 2
        const one = authorities[index]
        if (one === undefined) throw new Error('expected an authority')
        awake.delete(one)
        await sleep(PAUSE_MS * 2)
        if (disturbances % 4 < 2) {
          await one.stop('SIGKILL')
          authorities[index] = await startAuthority(env)
        } else {
          void one.stop('SIGSTOP')
          await sleep(NAP_MS)
          void one.stop('SIGCONT')
        }
        awake.add(authorities[index] ?? one)
      }
    })().catch((error) => failures.push(error))

    const using = (async () => {
      for (; !isDone(); await sleep(PAUSE_MS)) {
        for (const authority of [...awake]) {
          const token = await askForToken(authority)
          kids.add(decodeProtectedHeader(token).kid ?? '')
          held.push(token)
        }
        await expectOrderlyRing()
        await expectAllTokensGood([...awake])
      }
    })().catch((error) => failures.push(error))

    await Promise.all([disturbing, using])
    expect(failures).toEqual([])
    expect(kids.size).toBeGreaterThan(ROTATIONS)
    expect(disturbances).toBeGreaterThan(LEAST_DISTURBANCES)
    await vi.waitFor(async () => {
      const [one, other] = await Promise.all(authorities.map(keySetOf))
      expect(one).toEqual(other)
    }, 5000)
  })
})
