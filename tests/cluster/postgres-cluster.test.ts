import { setTimeout as sleep } from 'node:timers/promises'
import { createVerifier, type Verifier } from '@keyturn/verifier'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { stopAll } from '../end-to-end/processes.ts'
import { PostgresServer } from '../postgres/postgres-server.ts'
import { Cluster, type Replica } from './cluster.ts'
import { Front } from './front.ts'
import { Generations } from './generations.ts'
import { Traffic } from './traffic.ts'

const INTERVAL_MS = 5000
/** e: by so much two of the clocks are wrong all the time, one either way. */
const SKEW_MS = 250
const POLL_MS = 500
const OUTAGE_INTERVALS = 10
const MAX_STALENESS_MS = 53_000
/** After a failure a replica tries again within that time, on a busy machine too. */
const LONGEST_WAIT_MS = 40_000
const ISSUER = 'http://auth.test'
const SETTINGS = {
  KEYTURN_ISSUER: ISSUER,
  KEYTURN_AUDIENCE: 'orders',
  KEYTURN_KEYS_ALGORITHM: 'ES256',
  KEYTURN_KEYS_ROTATION_INTERVAL: `${INTERVAL_MS / 1000}s`,
  KEYTURN_KEYS_GRACE_SKEW: '2s',
  KEYTURN_ACCESS_TOKEN_TTL: '10s',
  KEYTURN_JWKS_MAX_AGE: '1s',
  KEYTURN_JWKS_STALE_WHILE_REVALIDATE: '0s',
  KEYTURN_VERIFIER_REFRESH: '1s',
  KEYTURN_VERIFIER_MIN_CACHE: '1s',
  KEYTURN_STORE_POLL: `${POLL_MS / 1000}s`,
  KEYTURN_CLOCK_SKEW: `${SKEW_MS / 1000}s`,
  KEYTURN_CLOCK_TOLERANCE: '1s',
  KEYTURN_STORE_MAX_STALENESS: `${MAX_STALENESS_MS / 1000}s`,
}

let server: PostgresServer
let cluster: Cluster
let front: Front
let history: Generations
let traffic: Traffic
let verifiers: readonly Verifier[]

beforeAll(async () => {
  server = await PostgresServer.start()
  const databaseUrl = await server.createDatabase()
  cluster = await Cluster.start({
    databaseUrl,
    clockOffsetsMs: [0, SKEW_MS, -SKEW_MS, 0, 0],
    settings: SETTINGS,
  })
  history = new Generations(databaseUrl)
  await history.start()
  front = await Front.open(cluster.replicas)
  verifiers = front.urlsOfKeySets().map((jwksUrl) =>
    createVerifier({
      issuer: ISSUER,
      audience: 'orders',
      jwksUrl,
      minCacheSeconds: 1,
      clockToleranceSeconds: 1,
    }),
  )
  await Promise.all(verifiers.map((verifier) => verifier.ready()))
  traffic = new Traffic(cluster.replicas, verifiers, SKEW_MS)
  traffic.start()
}, 120_000)
afterAll(async () => {
  await traffic?.stop()
  for (const verifier of verifiers ?? []) verifier.close()
  await history?.close()
  await front?.close()
  await cluster?.close()
  await stopAll()
  await server?.remove()
})

/** What each test leaves behind: nobody was refused, and no write broke the ring. */
function expectNothingWrong(): void {
  expect(traffic.wrongs).toEqual([])
  expect(history.wrongs).toEqual([])
}

describe('five replicas that share a ring in PostgreSQL (R4, R6, R9, R14, R16, R20, R64)', () => {
  it('made one ring, though all of them started on an empty database at once', async () => {
    expect(history.newest.keys.length).toBeLessThanOrEqual(3)
    // a key that was made just now is known to all within P
    await vi.waitFor(async () => {
      const ids = await Promise.all(cluster.replicas.map(publishedKids))
      expect(new Set(ids.map((kids) => kids.toSorted().join())).size).toBe(1)
    }, 10_000)
    expectNothingWrong()
  })

  it('make exactly one key when all of them are due at the same instant', async () => {
    await untilNextKey()
    const { generation } = history.newest
    const rotations = 4
    for (let rotation = 0; rotation < rotations; rotation++) await throughActivation()
    expect(history.madeSince(generation)).toBe(rotations)
    expect(traffic.takeRefusals()).toEqual([])
    expectNothingWrong()
  })

  it('catch up before they act when they were stopped for longer than a key signs', async () => {
    const sleeper = cluster.replicas[3] as Replica
    const { generation } = history.newest
    sleeper.pause()
    const login = traffic.logIn(sleeper)
    for (let rotation = 0; rotation < 2; rotation++) await throughActivation()
    sleeper.resume()
    await login
    await throughActivation()
    expect(history.madeSince(generation)).toBe(3)
    expect(traffic.takeRefusals()).toEqual([])
    expectNothingWrong()
  })

  it('lose nothing when the database is killed amid their writes', async () => {
    for (let kill = 0; kill < 4; kill++) {
      const next = await untilNextKey()
      // then all of them write
      await sleep(next.activateAt - Date.now() + 30 * kill)
      await server.kill()
      await sleep(400)
      await server.restart()
      await untilNextKey()
    }
    expect(traffic.takeRefusals()).toEqual([])
    expectNothingWrong()
  })

  it('hand over at the stored instant without the database, and go on for ten intervals', async () => {
    const next = await untilNextKey(2 * POLL_MS)
    // every replica has seen it by then
    await sleep(POLL_MS)
    const kids = [...history.keys.keys()]
    await server.stop()
    const downAt = Date.now()
    await sleep(next.activateAt + INTERVAL_MS / 2 - Date.now())
    for (const replica of cluster.replicas) expect(signersOf(replica).at(-1)).toBe(next.kid)
    await sleep(downAt + OUTAGE_INTERVALS * INTERVAL_MS - Date.now())
    expect(traffic.takeRefusals()).toEqual([])
    for (const replica of cluster.replicas) {
      expect(await replica.health()).toMatchObject({ status: 'degraded' })
      const published = await publishedKids(replica)
      expect(published).toContain(next.kid)
      // none is made that could not be written
      expect(kids).toEqual(expect.arrayContaining([...published]))
    }
    expectNothingWrong()
  }, 180_000)

  it('stop issuing when what they know is too old, go on publishing, and issue again once they have looked', async () => {
    await sleep(MAX_STALENESS_MS - OUTAGE_INTERVALS * INTERVAL_MS + POLL_MS + 1000)
    traffic.takeRefusals()
    await sleep(1000)
    const refusals = traffic.takeRefusals()
    expect(new Set(refusals.map(({ answer }) => answer))).toEqual(new Set(['503 ring_stale']))
    expect(new Set(refusals.map(({ by }) => by)).size).toBe(cluster.replicas.length)
    for (const replica of cluster.replicas) expect(await publishedKids(replica)).not.toEqual([])

    await server.restart()
    await untilAllIssue()
    await untilNextKey()
    const { generation } = history.newest
    await throughActivation()
    expect(history.madeSince(generation)).toBe(1)
    expect(traffic.takeRefusals()).toEqual([])
    expectNothingWrong()
  })

  it('never signed outside the time of a key, whatever happened', async () => {
    await traffic.stop()
    await sleep(POLL_MS)
    expect(traffic.misdated(history.keys)).toEqual([])
    const { tokens, accepted } = traffic
    expect(tokens.length).toBeGreaterThan(500)
    console.log(
      `${history.newest.generation} generations, ${history.keys.size} keys, ${tokens.length} tokens, ${accepted} accepted`,
    )
    for (const replica of cluster.replicas)
      expect(replica.log()).not.toMatch(/internal_error|unhandled|correct-horse/i)
  })
})

/** Kids of the tokens of a replica, in order. */
function signersOf({ name }: Replica): readonly string[] {
  return traffic.tokens.filter(({ by }) => by === name).map(({ kid }) => kid)
}

async function publishedKids({ url }: Replica): Promise<readonly string[]> {
  const response = await fetch(`${url}/.well-known/jwks.json`)
  const { keys } = (await response.json()) as { keys: readonly { kid: string }[] }
  return keys.map(({ kid }) => kid)
}

/** The key that signs next, once there is one and every verifier could know it. */
async function untilNextKey(leastMs = POLL_MS) {
  const deadline = Date.now() + LONGEST_WAIT_MS
  for (;;) {
    if (Date.now() > deadline) throw new Error(`no next key:\n${lastWords()}`)
    const next = history.newest.keys.find(({ activateAt }) => activateAt > Date.now() + leastMs)
    if (next !== undefined) return next
    await sleep(50)
  }
}

/** Every replica has looked at the store again, each at its own retry, and issues. */
async function untilAllIssue(): Promise<void> {
  const deadline = Date.now() + LONGEST_WAIT_MS
  const from = traffic.tokens.length
  const issuers = () => new Set(traffic.tokens.slice(from).map(({ by }) => by))
  while (issuers().size < cluster.replicas.length) {
    if (Date.now() > deadline) throw new Error(`not all issue again:\n${lastWords()}`)
    await sleep(50)
  }
  traffic.takeRefusals()
}

function lastWords(): string {
  return cluster.replicas.map(({ name, log }) => `${name}: ${log().slice(-1500)}`).join('\n')
}

/** Waits until the next key signs and its own successor is made. */
async function throughActivation(): Promise<void> {
  const { activateAt } = await untilNextKey()
  await sleep(activateAt - Date.now())
  await untilNextKey()
}
