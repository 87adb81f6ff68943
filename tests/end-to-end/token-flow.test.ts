import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PublishedJwk } from '@keyturn/core'
import { hostileTokens } from '@keyturn/testing'
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type AuthorityReady,
  freePort,
  keyturn,
  type Running,
  startAuthority,
  startScript,
  stopAll,
} from './processes.ts'

/** The timings of design.md, column "tests": a rotation every 5 s, tokens of 20 s. */
const TEST_TIMINGS = {
  KEYTURN_KEYS_ROTATION_INTERVAL: '5s',
  KEYTURN_KEYS_GRACE_SKEW: '2s',
  KEYTURN_ACCESS_TOKEN_TTL: '20s',
  KEYTURN_ACCESS_TOKEN_MAX_TTL: '30s',
  KEYTURN_JWKS_MAX_AGE: '1s',
  KEYTURN_JWKS_STALE_WHILE_REVALIDATE: '0s',
  KEYTURN_VERIFIER_REFRESH: '1s',
  KEYTURN_VERIFIER_MIN_CACHE: '1s',
  KEYTURN_STORE_POLL: '0.2s',
  KEYTURN_CLOCK_SKEW: '0.1s',
  KEYTURN_CLOCK_TOLERANCE: '1s',
}
const LEAD_MS = 2400
const ROTATIONS = 10
const LONGEST_MS = 110_000
const CLIENTS = 3
const AUDIENCE = 'orders'
const TOLERANCE_MS = 1000

interface HeldToken {
  readonly text: string
  readonly kid: string
  readonly expiresAt: number
}

let folder: string
let env: Record<string, string>
let credentials: string
let authority: Running<AuthorityReady>
let services: readonly Running<{ readonly url: string }>[]
const held: HeldToken[] = []
const kids = new Set<string>()
const counts = { issued: 0, accepted: 0, expired: 0, refused: {} as Record<string, number> }
const publicKeys = new Map<string, PublishedJwk>()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyturn-e2e-'))
  const [port, adminPort] = [await freePort(), await freePort()]
  const issuer = `http://127.0.0.1:${port}`
  env = {
    ...TEST_TIMINGS,
    KEYTURN_ISSUER: issuer,
    KEYTURN_AUDIENCE: AUDIENCE,
    KEYTURN_DATA_DIR: join(folder, 'data'),
    KEYTURN_HTTP_PORT: String(port),
    KEYTURN_ADMIN_PORT: String(adminPort),
  }
  authority = await startAuthority(env)
  const created = await keyturn(['clients', 'create', 'shop', '--scope', 'tokens:issue', '--json'], env)
  const { clientId, clientSecret } = JSON.parse(created.stdout)
  credentials = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
  const service = { ...env, KEYTURN_VERIFIER_STALE_IF_ERROR: '30s' }
  services = await Promise.all(
    [1, 2, 3].map(() => startScript<{ url: string }>('verifying-service.ts', verifierEnv(service))),
  )
})
afterAll(async () => {
  await stopAll()
  await rm(folder, { recursive: true, force: true })
})

describe('EndToEndTokenFlow, KeyRotationWithActiveTokens, MultiServiceAuthentication (R5, R6, R7, R13, R23, R33, R34, R63, R65)', () => {
  it('refuses no good token and accepts no bad one through ten rotations and two kills', async () => {
    const deadline = Date.now() + LONGEST_MS
    const isDone = () => kids.size > ROTATIONS || Date.now() > deadline
    const clients = Array.from({ length: CLIENTS }, (_, client) => useTokens(client, isDone))
    const attacker = tryHostileTokens(isDone)
    for (const atKids of [4, 8]) {
      while (kids.size < atKids && !isDone()) await sleep(50)
      await killAndRestart()
    }
    await Promise.all([...clients, attacker])
    expect(kids.size).toBeGreaterThan(ROTATIONS)
    expect(counts.issued).toBeGreaterThan(100)
    expect(counts.accepted).toBeGreaterThan(300)
    expect(Object.keys(counts.refused).length).toBeGreaterThan(30)
    for (const times of Object.values(counts.refused)) expect(times).toBeGreaterThan(30)
    expect(counts.expired).toBeGreaterThan(0)
    console.log(`${kids.size - 1} rotations`, counts)
  })

  it('lets new tokens flow at once after a revocation, and refuses the old ones by the printed time', async () => {
    await untilSpareIsKnown()
    const old = await obtain()
    const before = Date.now()
    const revoked = await keyturn(['keys', 'revoke', old.kid, '--reason', 'test', '--json'], env)
    expect(revoked.code).toBe(0)
    const { revokedKid, activeKid, refusedEverywhereBy } = JSON.parse(revoked.stdout)
    expect(revokedKid).toBe(old.kid)
    await sleep(200)
    const fresh = await obtain()
    expect(fresh.kid).toBe(activeKid)
    for (const { ready } of services)
      expect(await present(ready.url, fresh.text)).toMatchObject({ status: 200 })

    const printed = Date.parse(refusedEverywhereBy)
    const refusedAt = await Promise.all(
      services.map(({ ready }) => untilRefused(ready.url, old.text, printed)),
    )
    expect(Math.max(...refusedAt)).toBeLessThanOrEqual(printed)
    for (const { ready } of services) {
      expect(await present(ready.url, old.text)).toEqual({ status: 401, code: 'key_unknown' })
      expect(await present(ready.url, fresh.text)).toMatchObject({ status: 200 })
    }
    console.log(`refused after ${Math.max(...refusedAt) - before} ms, promised within ${printed - before} ms`)
  })

  it('stops gracefully', async () => {
    expect(await authority.stop('SIGTERM')).toBe(0)
    expect(authority.log()).not.toMatch(/internal_error|unhandled/i)
  })
})

/** Obtains tokens and uses new and old ones at every service, whose answer must be what the token's age says. */
async function useTokens(client: number, isDone: () => boolean): Promise<void> {
  for (let turn = client; !isDone(); turn++) {
    const fresh = await obtainWhenUp(isDone)
    if (fresh === undefined) return
    await everywhere(fresh)
    const old = held[Math.floor((turn * 7919) % held.length)]
    if (old !== undefined) await everywhere(old)
    await sleep(40)
  }
}

async function everywhere(token: HeldToken): Promise<void> {
  const age = Date.now() - token.expiresAt
  const outcomes = await Promise.all(services.map(({ ready }) => present(ready.url, token.text)))
  if (Date.now() < token.expiresAt) {
    expect(outcomes.map(({ status }) => status)).toEqual([200, 200, 200])
    counts.accepted += 3
  } else if (age > TOLERANCE_MS + 1000) {
    for (const { status, code } of outcomes) {
      // its key may have left the set, and while the set cannot be had nothing is said of a key that is not there
      if (status === 503) continue
      expect([401, ['token_expired', 'key_unknown'].includes(code ?? '')], code).toEqual([status, true])
      counts.expired += 1
    }
  }
}

async function tryHostileTokens(isDone: () => boolean): Promise<void> {
  while (!isDone()) {
    const good = held.at(-1)
    if (good === undefined) {
      await sleep(20)
      continue
    }
    const publicJwk = await publicKeyOf(good.kid)
    const tokens = publicJwk === undefined ? [] : await hostileTokens({ good: good.text, publicJwk })
    for (const { name, token, codes } of tokens) {
      const [code] = codes
      for (const { ready } of services) {
        const answer = await present(ready.url, token)
        // an unknown kid cannot be told from a new one while the key set cannot be had
        if (code === 'key_unknown' && answer.status === 503) continue
        expect([name, answer]).toEqual([name, { status: 401, code }])
        counts.refused[name] = (counts.refused[name] ?? 0) + 1
      }
    }
    await sleep(100)
  }
}

/** Out of the published set; `undefined` while the authority is down. */
async function publicKeyOf(kid: string): Promise<PublishedJwk | undefined> {
  if (!publicKeys.has(kid)) {
    const response = await fetch(`${authority.ready.issuer}/.well-known/jwks.json`).catch(() => undefined)
    const { keys } = ((await response?.json()) ?? { keys: [] }) as { keys: PublishedJwk[] }
    for (const key of keys) publicKeys.set(key.kid, key)
  }
  return publicKeys.get(kid)
}

async function killAndRestart(): Promise<void> {
  const before = await ring()
  expect(await authority.stop('SIGKILL')).toBe('SIGKILL')
  authority = await startAuthority(env)
  const after = await ring()
  expect(after.generation).toBeGreaterThanOrEqual(before.generation)
  for (const key of before.keys) {
    const again = after.keys.find(({ kid }) => kid === key.kid)
    if (again === undefined) expect(Date.parse(key.publishUntil ?? '')).toBeLessThan(Date.now())
    else if (key.signUntil !== null) expect(again).toEqual({ ...key, state: again.state })
    else expect(again.activateAt).toBe(key.activateAt)
  }
}

/** From the lead on every service knows the spare; a second later there is still time before it takes over by itself. */
async function untilSpareIsKnown(): Promise<void> {
  for (;;) {
    const spare = (await ring()).keys.find(({ state }) => state === 'next')
    const age = Date.now() - Date.parse(spare?.publishedAt ?? '')
    if (age > LEAD_MS && age < LEAD_MS + 1000) return
    await sleep(100)
  }
}

interface ListedRing {
  readonly generation: number
  readonly keys: readonly {
    readonly kid: string
    readonly state: string
    readonly publishedAt: string
    readonly activateAt: string
    readonly signUntil: string | null
    readonly publishUntil: string | null
  }[]
}

async function ring(): Promise<ListedRing> {
  return JSON.parse((await keyturn(['keys', 'list', '--json'], env)).stdout)
}

async function obtainWhenUp(isDone: () => boolean): Promise<HeldToken | undefined> {
  while (!isDone()) {
    try {
      return await obtain()
    } catch (error) {
      // the authority is down: killed, and not yet back
      if (!(error instanceof TypeError)) throw error
      await sleep(50)
    }
  }
  return undefined
}

/** A token from the authority, which jose too must accept from the same key set. */
async function obtain(): Promise<HeldToken> {
  const { issuer } = authority.ready
  const response = await fetch(`${issuer}/v1/tokens`, {
    method: 'POST',
    headers: { authorization: credentials, 'content-type': 'application/json' },
    body: JSON.stringify({ subject: `user-${counts.issued}`, role: 'user', verified: true }),
  })
  expect(response.status).toBe(201)
  const { access_token: text } = (await response.json()) as { access_token: string }
  const kid = decodeProtectedHeader(text).kid ?? ''
  await assertJoseAccepts(text, issuer)
  const token = { text, kid, expiresAt: (decodeJwt(text).exp ?? 0) * 1000 }
  kids.add(kid)
  held.push(token)
  counts.issued += 1
  return token
}

let joseKeys: ReturnType<typeof createRemoteJWKSet> | undefined

async function assertJoseAccepts(text: string, issuer: string): Promise<void> {
  // by default jose asks for the set at most every 30 s, and would refuse a key that is younger
  joseKeys ??= createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`), {
    cooldownDuration: 0,
    cacheMaxAge: 1000,
  })
  const { payload } = await jwtVerify(text, joseKeys, { issuer, audience: AUDIENCE, typ: 'at+jwt' })
  expect(payload).toMatchObject({ type: 0, role: 1, verified: true })
}

async function present(url: string, token: string): Promise<{ status: number; code?: string }> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
  const body = (await response.json()) as { code?: string }
  return { status: response.status, ...(body.code !== undefined && { code: body.code }) }
}

async function untilRefused(url: string, token: string, deadline: number): Promise<number> {
  while (Date.now() < deadline + 2000) {
    if ((await present(url, token)).status === 401) return Date.now()
    await sleep(20)
  }
  return Number.POSITIVE_INFINITY
}

/** A verifier gets only what is its own. */
function verifierEnv(all: Record<string, string>): Record<string, string> {
  const names = ['ISSUER', 'AUDIENCE', 'CLOCK_TOLERANCE', 'VERIFIER_MIN_CACHE', 'VERIFIER_STALE_IF_ERROR']
  return Object.fromEntries(names.map((name) => [`KEYTURN_${name}`, all[`KEYTURN_${name}`] ?? '']))
}
