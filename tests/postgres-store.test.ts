import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { KeyturnError, systemClock } from '@keyturn/core'
import {
  DEFAULT_POLICY,
  DEFAULT_TIMING,
  GENERATIONS_KEPT,
  generateSigningPair,
  KeyManager,
  type KeyManagerOptions,
  type KeyRing,
  MemoryKeyStore,
  type RingSealer,
  restoreRing,
} from '@keyturn/keyring'
import { PostgresKeyStore, type PostgresKeyStoreOptions } from '@keyturn/keyring/postgres'
import { codeOf, fakeClock, keyStoreConformance } from '@keyturn/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { PASSWORD, PostgresServer, query } from './postgres/postgres-server.ts'

const HOUR = 3_600_000
const POLL_MS = 200
const timing = { ...DEFAULT_TIMING, storePollMs: POLL_MS }
const policy = { ...DEFAULT_POLICY, algorithm: 'EdDSA', timing } as const
const CLAIMS = { iss: 'http://auth.test', sub: 'someone' }
const TERMS = { ttlSeconds: 60, typ: 'at+jwt' }

let server: PostgresServer
let url: string
const opened: { close(): Promise<void> }[] = []

beforeAll(async () => {
  server = await PostgresServer.start()
})
afterAll(() => server.remove())
beforeEach(async () => {
  url = await server.createDatabase()
})
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one.close()
})

function open(options: Partial<PostgresKeyStoreOptions> = {}): PostgresKeyStore {
  const store = new PostgresKeyStore({ url, pollMs: POLL_MS, ...options })
  opened.push(store)
  return store
}

async function manage(options: Partial<KeyManagerOptions> = {}): Promise<KeyManager> {
  const keys = await KeyManager.open({ store: open(), policy, ...options })
  opened.push(keys)
  return keys
}

/** A ring that an authority made which has ended. */
async function someRing(): Promise<KeyRing> {
  const keys = await KeyManager.open({ store: open(), policy })
  await keys.close()
  return keys.ring()
}

/** A ring that is in no database. */
async function otherRing(): Promise<KeyRing> {
  const keys = await KeyManager.open({ store: new MemoryKeyStore(), policy })
  await keys.close()
  return keys.ring()
}

/** What an error shows, wherever it is printed. */
async function shown(action: () => Promise<unknown>): Promise<string> {
  const error: Error = await action().then(
    () => new Error('nothing was thrown'),
    (caught) => caught,
  )
  return `${inspect(error, { depth: 10, showHidden: true })} ${JSON.stringify(error)} ${error.stack}`
}

describe('key store conformance (R14)', () => {
  for (const { name, run } of keyStoreConformance) {
    it(`postgres: ${name}`, async () => {
      const clock = fakeClock()
      await run({
        open: () => open({ clock, pollMs: 1000 }),
        pollMs: 1000,
        pass: clock.advance,
        looks: true,
        hasClock: true,
        async spoil() {
          await query(url, 'ALTER TABLE keyturn_rings RENAME body TO spoilt')
          return async () => {
            await query(url, 'ALTER TABLE keyturn_rings RENAME spoilt TO body')
          }
        },
        async putAway() {
          const move = (from: string, to: string) =>
            ['installation', 'rings']
              .map((it) => `ALTER TABLE ${from}.keyturn_${it} SET SCHEMA ${to};`)
              .join('')
          await query(url, `CREATE SCHEMA away; ${move('public', 'away')}`)
          return async () => {
            await query(url, `DROP TABLE keyturn_installation, keyturn_rings; ${move('away', 'public')}`)
          }
        },
      })
    })
  }
})

describe('several replicas (R20)', () => {
  it('make one ring when all of them start at once on an empty database', async () => {
    const replicas = await Promise.all(Array.from({ length: 5 }, () => manage()))
    const [first, ...others] = replicas.map((keys) => keys.ring().ringId)
    expect(others).toEqual(others.map(() => first))
    expect(await query(url, 'SELECT generation FROM keyturn_rings')).toHaveLength(1)
  })

  it('are due together, and one of them makes a key: the others neither write nor make one in vain', async () => {
    const prompt = { ...policy, timing: { ...timing, clockSkewMs: 50 } }
    let made = 0
    const generate: KeyManagerOptions['generate'] = async (wanted) => {
      made += 1
      return await generateSigningPair(wanted)
    }
    const replicas = await Promise.all(Array.from({ length: 5 }, () => manage({ policy: prompt, generate })))
    made = 0
    const { activateAt } = (await replicas[0]?.rotate({ force: true })) ?? { activateAt: 0 }
    for (const keys of replicas) {
      await vi.waitFor(() => expect(keys.ring().keys).toHaveLength(3), { timeout: 20_000 })
    }
    expect(Date.now()).toBeGreaterThanOrEqual(activateAt)
    expect(made).toBe(1)
    expect(replicas.map((keys) => keys.ring().generation)).toEqual([3, 3, 3, 3, 3])
    expect(replicas.map((keys) => keys.health().consecutiveFailures)).toEqual([0, 0, 0, 0, 0])
  })

  it('take turns at what only one needs to do, and wait for none who hangs', async () => {
    let [inside, most, done] = [0, 0, 0]
    const work = async () => {
      inside += 1
      most = Math.max(most, inside)
      await sleep(20)
      inside -= 1
      done += 1
    }
    await Promise.all(Array.from({ length: 5 }, () => open().inTurn(work)))
    expect([most, done]).toEqual([1, 5])
    let letGo = () => {}
    const hung = open().inTurn(() => new Promise((resolve) => (letGo = resolve)))
    await sleep(100)
    await open().inTurn(work)
    expect(done).toBe(6)
    letGo()
    await hung
  })

  it('survive that the database dies while one of them has its turn', async () => {
    const store = open()
    let letGo = () => {}
    const turn = store.inTurn(() => new Promise((resolve) => (letGo = resolve)))
    await sleep(100)
    await server.kill()
    // what breaks a connection comes as an event, and one that nobody hears ends a process
    await sleep(100)
    letGo()
    await turn
    await server.restart()
    await store.load()
  })

  it('hear of a write by NOTIFY long before they would look', async () => {
    const store = open({ pollMs: HOUR })
    await someRing()
    const ring = await store.load()
    const heard = new Promise<KeyRing>((resolve) => {
      store.watch({ onChange: resolve, onError() {} })
    })
    const listens =
      "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"
    await vi.waitFor(async () => expect(await query(url, listens)).toHaveLength(1), { timeout: 10_000 })
    if (ring !== undefined) {
      await open().save({ ...ring, generation: ring.generation + 1, writtenAt: Date.now() }, ring.generation)
    }
    expect((await heard).generation).toBe(2)
  })

  it('date what they write by the clock of the database, and say that their own is off', async () => {
    const behind = { ...systemClock, now: () => systemClock.now() - HOUR }
    const keys = await manage({ store: open({ clock: behind }), clock: behind })
    expect(Math.abs(keys.ring().writtenAt - Date.now())).toBeLessThan(60_000)
    expect(keys.health()).toMatchObject({ clockOff: true, clockBehind: false, status: 'degraded' })
    expect((await manage()).health()).toMatchObject({ clockOff: false, status: 'ok' })
  })
})

describe('a database that is in trouble (R20)', () => {
  it('delays no signature and no key set while it hangs, and is followed again afterwards', async () => {
    const pollMs = 2000
    const slow = { ...policy, timing: { ...timing, storePollMs: pollMs } }
    const keys = await manage({ store: open({ pollMs }), policy: slow })
    const other = await manage()
    server.pause()
    try {
      await vi.waitFor(() => expect(keys.health().storeError).toBe('store_unreachable'), { timeout: 20_000 })
      let slowestMs = 0
      const since = performance.now()
      // for longer than a question may hang, so that each state of one is met
      while (performance.now() - since < 4 * pollMs) {
        const startedAt = performance.now()
        await keys.sign(CLAIMS, TERMS)
        expect(keys.publicJwks().keys).toHaveLength(2)
        slowestMs = Math.max(slowestMs, performance.now() - startedAt)
        await sleep(10)
      }
      expect(slowestMs).toBeLessThan(pollMs / 5)
      expect(keys.health().snapshotAgeMs).toBeGreaterThan(pollMs)
    } finally {
      server.resume()
    }
    await vi.waitFor(() => expect(keys.health()).toMatchObject({ storeError: undefined }), {
      timeout: 20_000,
    })
    const { activeKid } = await other.rotate({ force: true })
    await vi.waitFor(() => expect(activeOf(keys)).toBe(activeKid), { timeout: 20_000 })
  })

  it('is found again after it was killed, by those who listen too', async () => {
    const keys = await manage()
    await server.kill()
    await vi.waitFor(() => expect(keys.health().storeError).toBe('store_unreachable'), { timeout: 20_000 })
    await keys.sign(CLAIMS, TERMS)
    expect(await codeOf(keys.rotate({ force: true }))).toBe('store_unreachable')
    await server.restart()
    await vi.waitFor(() => expect(keys.health().storeError).toBeUndefined(), { timeout: 20_000 })
    await keys.rotate({ force: true })
    const listens =
      "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"
    await vi.waitFor(async () => expect(await query(url, listens)).toHaveLength(1), { timeout: 20_000 })
  })

  it('is named with a code and a remedy, and never with a password (R75)', async () => {
    const elsewhere = url.replace(/:\d+\//, ':1/')
    const wrong = url.replace(PASSWORD, 'wrong-horse-battery')
    const places: [string, string][] = [
      [elsewhere, 'store_unreachable'],
      [wrong, 'store_refused'],
      [`${url}_missing`, 'store_refused'],
      [`${url}?sslmode=verify-full`, 'store_refused'],
    ]
    for (const [place, code] of places) {
      const load = () => open({ url: place }).load()
      expect(await codeOf(load())).toBe(code)
      expect(await shown(load)).not.toMatch(/-horse-battery/)
      expect(await shown(load)).toContain('remedy')
    }
    const malformed = `postgres://keyturn:${PASSWORD}@[/keyturn`
    const load = async () => open({ url: malformed })
    expect(await codeOf(load())).toBe('database_url_invalid')
    expect(await shown(load)).not.toContain(PASSWORD)
  })

  it('puts nothing of the ring into an error of a write (R75)', async () => {
    const ring = await someRing()
    await query(url, 'ALTER TABLE keyturn_rings ADD CHECK (length(body) < 10) NOT VALID')
    const save = () => open().save({ ...ring, generation: 2, writtenAt: Date.now() }, 1)
    expect(await codeOf(save())).toBe('store_failed')
    const kid = ring.keys[0]?.kid ?? ''
    const text = await shown(save)
    expect(text).toContain('23514')
    for (const spelled of [kid, Buffer.from(kid).toString('hex')]) expect(text).not.toContain(spelled)
  })
})

describe('a ring that is lost (R16)', () => {
  it.each([
    ['its row', 'DELETE FROM keyturn_rings'],
    ['the row of the installation', 'DELETE FROM keyturn_installation'],
    ['every row', 'TRUNCATE keyturn_rings, keyturn_installation'],
  ])('is missed, not replaced: %s', async (_, damage) => {
    await someRing()
    await query(url, damage)
    expect(await codeOf(KeyManager.open({ store: open(), policy }))).toBe('ring_missing')
    const keys = await manage({ store: open({ initialize: true }) })
    expect(keys.ring().keys).toHaveLength(2)
    expect((await open().load())?.ringId).toBe(keys.ring().ringId)
  })

  it('has one successor where two begin at once, whatever its generation', async () => {
    const [lost, one, other] = [await someRing(), await otherRing(), await otherRing()]
    await query(url, 'DELETE FROM keyturn_rings')
    // the rings were made before the looks, which may take their time
    const patient = { initialize: true, pollMs: 60_000 }
    const [first, second] = [open(patient), open(patient)]
    for (const store of [first, second]) expect(await store.load()).toBeUndefined()
    expect([lost, one, other].map(({ generation }) => generation)).toEqual([1, 1, 1])
    await first.save(one, 0)
    expect(await codeOf(second.save(other, 0))).toBe('store_conflict')
    expect((await open().load())?.ringId).toBe(one.ringId)
  })

  it('is missed by a command that creates none, which names the database but no password', async () => {
    const { pathname, password } = new URL(url)
    const opening = KeyManager.open({ store: open(), policy, serving: false })
    const message = expect.stringContaining(pathname.slice(1))
    await expect(opening).rejects.toMatchObject({ code: 'ring_missing', message })
    expect(password).not.toBe('')
    expect(await opening.catch(String)).not.toContain(password)
  })

  it('is missed in an empty database by an installation that had one', async () => {
    expect(await codeOf(KeyManager.open({ store: open({ expectsRing: true }), policy }))).toBe('ring_missing')
    await manage({ store: open({ expectsRing: true, initialize: true }) })
  })

  it('is missed by a newcomer too, once a living replica has looked', async () => {
    const keys = await manage()
    await query(url, 'DROP TABLE keyturn_installation, keyturn_rings')
    await vi.waitFor(() => expect(keys.health().storeError).toBe('ring_missing'), { timeout: 20_000 })
    await vi.waitFor(
      async () => expect(await codeOf(KeyManager.open({ store: open(), policy }))).toBe('ring_missing'),
      {
        timeout: 20_000,
      },
    )
    await keys.sign(CLAIMS, TERMS)
  })

  it('is called corrupt where it was changed, and by which generation', async () => {
    await someRing()
    await query(url, "UPDATE keyturn_rings SET body = overlay(body PLACING '\\x00' FROM 200)")
    const error = await open()
      .load()
      .catch((caught) => caught)
    expect(error).toMatchObject({ code: 'ring_corrupt', generation: 1 })
    expect(error.remedy).toContain('keyturn keys restore FILE')
  })

  it('is not read with tables of a newer version', async () => {
    await someRing()
    await query(url, 'UPDATE keyturn_installation SET schema_version = 2')
    expect(await codeOf(open().load())).toBe('store_newer')
  })
})

describe('generations (R8)', () => {
  it('are kept, the newest and the one before it', async () => {
    let ring = await someRing()
    for (let save = 0; save < 3; save++) {
      const next = { ...ring, generation: ring.generation + 1, writtenAt: Date.now() }
      await open().save(next, ring.generation)
      ring = next
    }
    expect(await generationsKept()).toEqual([3, 4])
    expect(await generationsKept()).toHaveLength(GENERATIONS_KEPT)
  })

  it('stay for good where no key opens them, and a backup takes their place (R16, R19, R21)', async () => {
    const sealer: RingSealer = {
      seal: async (ring) => Buffer.from(ring).toString('base64url'),
      open: () => Promise.reject(new KeyturnError('kek_unknown', 'lost', { remedy: 'give the key' })),
    }
    const backup = await someRing()
    await open({ sealer }).save({ ...backup, generation: 2 }, 1)
    const store = open({ sealer })
    await expect(store.load()).rejects.toMatchObject({
      code: 'kek_unknown',
      message: expect.stringMatching(/^generation 2 at 127\.0\.0\.1:\d+\/\w+: lost$/),
      remedy: 'give the key; where that key is lost: keyturn keys restore FILE --replace-unopened',
    })
    const restored = await restoreRing(store, backup, {
      now: Date.now(),
      timing: DEFAULT_POLICY.timing,
      replaceUnopened: true,
    })
    const later = { ...restored, generation: restored.generation + 1, held: null, writtenAt: Date.now() }
    await store.save(later, restored.generation)
    expect(await generationsKept()).toEqual([1, 2, restored.generation, later.generation])
  })
})

async function generationsKept(): Promise<readonly number[]> {
  const rows = await query(url, 'SELECT generation FROM keyturn_rings ORDER BY generation')
  return rows.map(({ generation }) => Number(generation))
}

function activeOf(keys: KeyManager): string | undefined {
  const { now } = keys
  return keys.ring().keys.find((key) => key.activateAt <= now && now < (key.signUntil ?? Infinity))?.kid
}
