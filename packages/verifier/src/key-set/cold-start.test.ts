import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codeOf } from '@keyturn/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openVerifier } from '../open-verifier.fixture.ts'
import { createVerifier } from '../verifier.ts'
import type { VerifierOptions } from '../verifier-options.ts'

const SECOND = 1000
const snapshotSecret = 'a secret of this service, 32 or more'
let folder: string
let snapshotFile: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyturn-snapshot-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))
beforeEach(() => {
  snapshotFile = join(folder, `${crypto.randomUUID()}.json`)
})

type Opened = Awaited<ReturnType<typeof openVerifier>>

/** Waits for what is done beside the verifying, on a real disk. */
async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve))
}
const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  )

/** A verifier that has written its snapshot down. */
async function openKept(): Promise<Opened> {
  const opened = await openVerifier({ snapshotFile, snapshotSecret })
  await opened.verifier.ready()
  await until(() => exists(snapshotFile))
  return opened
}

/** The service starts again, with the same issuer. */
function restart({ issuer, events }: Opened, options: Partial<VerifierOptions> = {}) {
  events.length = 0
  return createVerifier({
    ...issuer.verifierOptions,
    random: () => 1,
    onEvent: (event) => events.push(event),
    snapshotFile,
    snapshotSecret,
    ...options,
  })
}

describe('a cold start from a snapshot (R38)', () => {
  it('needs no endpoint while the set is fresh', async () => {
    const before = await openKept()
    const token = await before.issuer.token()
    before.verifier.close()
    await before.clock.advance(100 * SECOND)
    before.endpoint.fail('hang')
    const verifier = restart(before)
    expect(await codeOf(verifier.verify(token))).toBe('none')
    expect(verifier.health()).toMatchObject({ status: 'fresh', source: 'snapshot', ageSeconds: 100 })
    expect(before.events).toEqual([
      {
        kind: 'fallback-keys-used',
        source: 'snapshot',
        kids: before.issuer.jwks().keys.map(({ kid }) => kid),
      },
    ])
    expect(before.endpoint.fetches).toBe(2)
    verifier.close()
  })

  it('is ready at once, and asks the endpoint beside that', async () => {
    const before = await openKept()
    before.verifier.close()
    const verifier = restart(before)
    await verifier.ready()
    await before.clock.advance(0)
    expect(verifier.health()).toMatchObject({ status: 'fresh', source: 'remote', refreshes: { success: 1 } })
    expect([before.endpoint.fetches, before.endpoint.confirmations]).toEqual([2, 1])
    verifier.close()
  })

  it('asks the endpoint first when the set is stale, so that a key that was withdrawn stays so', async () => {
    const before = await openKept()
    const token = await before.issuer.token()
    await before.issuer.revoke()
    before.verifier.close()
    await before.clock.advance(901 * SECOND)
    const verifier = restart(before)
    expect(await codeOf(verifier.verify(token))).toBe('key_unknown')
    verifier.close()
  })

  it('goes by a stale set where the endpoint fails, for as long as one that never stopped', async () => {
    const before = await openKept()
    const token = await before.issuer.token({ exp: Math.floor(before.clock.now() / 1000) + 86_400 })
    before.verifier.close()
    before.endpoint.fail()
    await before.clock.advance(901 * SECOND)
    const verifier = restart(before)
    expect(await codeOf(verifier.verify(token))).toBe('none')
    expect(verifier.health()).toMatchObject({
      status: 'stale',
      source: 'snapshot',
      lastError: 'fetch_network',
    })
    await before.clock.advance(3598 * SECOND)
    expect(await codeOf(verifier.verify(token))).toBe('none')
    await before.clock.advance(SECOND)
    expect(await codeOf(verifier.verify(token))).toBe('keys_unavailable')
    verifier.close()
    const late = restart(before)
    expect(await codeOf(late.verify(token))).toBe('keys_unavailable')
    late.close()
  })

  it('goes by the bounds of this process, not of the one before', async () => {
    const before = await openKept()
    const token = await before.issuer.token()
    before.verifier.close()
    before.endpoint.fail()
    await before.clock.advance(100 * SECOND)
    const verifier = restart(before, { maxCacheSeconds: 60, staleIfErrorSeconds: 0 })
    expect(await codeOf(verifier.verify(token))).toBe('keys_unavailable')
    verifier.close()
  })

  it('ends a retired key at its published end', async () => {
    const before = await openVerifier({ snapshotFile, snapshotSecret, staleIfErrorSeconds: 86_400 })
    const token = await before.issuer.token({ exp: Math.floor(before.clock.now() / 1000) + 86_400 })
    await before.issuer.rotate()
    await before.verifier.ready()
    await until(() => exists(snapshotFile))
    before.verifier.close()
    before.endpoint.fail()
    await before.clock.advance(3614 * SECOND)
    const verifier = restart(before, { staleIfErrorSeconds: 86_400 })
    expect(await codeOf(verifier.verify(token))).toBe('none')
    await before.clock.advance(SECOND)
    expect(await codeOf(verifier.verify(token))).toBe('key_unknown')
    verifier.close()
  })

  it('takes no older set than the one that was written down', async () => {
    const before = await openVerifier({ snapshotFile, snapshotSecret })
    await before.issuer.rotate()
    await before.verifier.ready()
    await until(() => exists(snapshotFile))
    before.verifier.close()
    await before.clock.advance(901 * SECOND)
    before.endpoint.fail('older')
    const verifier = restart(before)
    await verifier.ready()
    expect(verifier.health()).toMatchObject({ source: 'snapshot', lastError: 'key_set_older' })
    verifier.close()
  })

  it.each([
    ['was made with another secret', { snapshotSecret: 'another secret of 32 characters or so' }],
    ['is of another key set', { jwksUrl: 'https://issuer.test/other.json' }],
  ])('does without one that %s, and says so', async (_, options) => {
    const before = await openKept()
    before.verifier.close()
    before.endpoint.fail()
    const verifier = restart(before, options)
    expect(await codeOf(verifier.ready())).toBe('keys_unavailable')
    expect(before.events[0]).toEqual({ kind: 'snapshot-failed', operation: 'read', code: 'snapshot_refused' })
    verifier.close()
  })

  it('does without one that is a link, a folder, endless or gone', async () => {
    const before = await openKept()
    before.verifier.close()
    before.endpoint.fail()
    const link = join(folder, crypto.randomUUID())
    const giant = join(folder, crypto.randomUUID())
    await symlink(snapshotFile, link)
    await writeFile(giant, 'x'.repeat(200_000))
    for (const [file, code] of [
      [link, 'snapshot_failed'],
      [folder, 'snapshot_failed'],
      [giant, 'snapshot_failed'],
      [join(folder, 'none'), undefined],
    ] as const) {
      const verifier = restart(before, { snapshotFile: file })
      expect(await codeOf(verifier.ready())).toBe('keys_unavailable')
      expect(before.events.find(({ kind }) => kind === 'snapshot-failed')).toEqual(
        code && { kind: 'snapshot-failed', operation: 'read', code },
      )
      verifier.close()
    }
  })

  it('is written readable for its owner alone, whole, and again with each new set', async () => {
    const before = await openKept()
    const text = await readFile(snapshotFile, 'utf8')
    expect((await stat(snapshotFile)).mode & 0o777).toBe(0o600)
    await before.issuer.rotate()
    await before.clock.advance(700 * SECOND)
    await until(async () => (await readFile(snapshotFile, 'utf8')) !== text)
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  it('is no matter for the verifying when it cannot be written', async () => {
    const { issuer, verifier, events } = await openVerifier({
      snapshotFile: join(folder, 'nowhere', 'snapshot.json'),
      snapshotSecret,
    })
    expect(await codeOf(verifier.verify(await issuer.token()))).toBe('none')
    await until(() => events.some(({ kind }) => kind === 'snapshot-failed'))
    expect(events.at(-1)).toEqual({ kind: 'snapshot-failed', operation: 'write', code: 'snapshot_failed' })
    expect(verifier.health().status).toBe('fresh')
  })

  it.each([
    { snapshotFile: 'a' },
    { snapshotSecret },
    { snapshotFile: '', snapshotSecret },
    { snapshotFile: 'a', snapshotSecret: 'short' },
  ])('is not set up by half: %o', (options) => {
    expect(() => createVerifier({ issuer: 'https://a.example', audience: 'b', ...options })).toThrow(
      expect.objectContaining({ code: 'verifier_options_invalid' }),
    )
  })
})
