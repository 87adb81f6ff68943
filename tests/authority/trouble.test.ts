import { mkdir, mkdtemp, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { canMount, SmallDisk } from '../file-store/small-disk.ts'
import { ROTATES_EACH_SECOND } from '../timings.ts'
import { jsonOf, type RunningAuthority, runAuthority } from './running-authority.ts'

// What an operator must hear of is in metrics, in health, and in the log: each is injected, and mended again.

/** A rotation every second; tokens live for two. */
const FAST = { ...ROTATES_EACH_SECOND, KEYTURN_ACCESS_TOKEN_TTL: '2s' }
const SOON = { timeout: 20_000, interval: 50 }
let authority: RunningAuthority
afterEach(() => authority.close())

const health = async () => await jsonOf(await fetch(`${authority.adminUrl}/health/details`))
async function metric(series: string): Promise<number> {
  const text = await (await fetch(`${authority.adminUrl}/metrics`)).text()
  const line = text.split('\n').find((it) => it.startsWith(`${series} `))
  return Number(line?.slice(series.length + 1))
}
const isShort = async () => (await jsonOf(await fetch(`${authority.url}/health`))).status
async function untilWell(): Promise<void> {
  await vi.waitFor(async () => expect(await health()).toMatchObject({ status: 'ok' }), SOON)
  expect(await isShort()).toBe('ok')
}
async function expectToIssue(): Promise<void> {
  expect((await authority.askForToken('grant_type=client_credentials')).status).toBe(200)
}

describe('an operator hears (R16, R18, R51, R52)', () => {
  it('that the state is gone; then nothing is written, no key is made, and the rotation is overdue', async () => {
    authority = await runAuthority(FAST)
    await untilWell()
    expect(await metric('keyturn_state_integrity')).toBe(1)
    const path = join(authority.dataDir, 'state.db')
    await rename(path, `${path}.away`)
    await vi.waitFor(async () => {
      expect(await health()).toMatchObject({
        status: 'degraded',
        nextKeyReady: false,
        rotationOverdue: true,
        lastFailure: { code: 'state_missing', at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) },
        disks: { stateError: 'state_missing' },
      })
    }, SOON)
    expect(await isShort()).toBe('degraded')
    expect(await metric('keyturn_state_integrity')).toBe(0)
    expect(await metric('keyturn_rotation_overdue')).toBe(1)
    expect(await metric('keyturn_next_key_ready')).toBe(0)
    expect(await metric('keyturn_rotation_failures_consecutive')).toBeGreaterThan(0)
    expect(authority.log()).toMatch(/"code":"state_missing".*the state is not where it was/)
    await expectToIssue()
    await rename(`${path}.away`, path)
    await untilWell()
    // each second there is a moment without one
    await vi.waitFor(async () => expect(await metric('keyturn_next_key_ready')).toBe(1), SOON)
  })

  it('that another file is in the place of the state', async () => {
    authority = await runAuthority()
    const path = join(authority.dataDir, 'state.db')
    await rename(path, `${path}.away`)
    await writeFile(path, '', { mode: 0o600 })
    await vi.waitFor(
      async () => expect(await health()).toMatchObject({ disks: { stateError: 'state_replaced' } }),
      SOON,
    )
    // commands change the clients of the other file, so that this one lets nobody in
    expect((await authority.askForToken('grant_type=client_credentials')).status).toBe(503)
    await rename(`${path}.away`, path)
    await untilWell()
  })

  it('that an empty folder is in the place of the data folder, as when its volume is not mounted any more', async () => {
    authority = await runAuthority()
    await rename(authority.dataDir, `${authority.dataDir}.away`)
    await mkdir(authority.dataDir, { mode: 0o700 })
    await vi.waitFor(
      async () =>
        expect(await health()).toMatchObject({
          status: 'degraded',
          storeError: 'ring_missing',
          disks: { stateError: 'state_missing' },
        }),
      SOON,
    )
    expect(await metric('keyturn_ring_integrity')).toBe(0)
    expect(await metric('keyturn_ring_snapshot_age_seconds')).toBeGreaterThan(0)
    await expectToIssue()
    expect(await readdir(authority.dataDir)).toEqual([])
    await rm(authority.dataDir, { recursive: true })
    await rename(`${authority.dataDir}.away`, authority.dataDir)
    await untilWell()
  })

  it('that the ring on the disk is corrupt', async () => {
    authority = await runAuthority()
    await truncate(join(authority.dataDir, 'keys', 'ring.000000000001.json'), 200)
    await vi.waitFor(
      async () => expect(await health()).toMatchObject({ status: 'degraded', storeError: 'ring_corrupt' }),
      SOON,
    )
    expect(await metric('keyturn_ring_integrity')).toBe(0)
    expect(await metric('keyturn_store_errors_total{operation="watch"}')).toBeGreaterThan(0)
  })

  it('that backups fail, and that one is damaged', async () => {
    const place = await mkdtemp(join(tmpdir(), 'keyturn-trouble-'))
    const backups = join(place, 'backups')
    await writeFile(backups, 'a file in the place of the folder')
    authority = await runAuthority({ KEYTURN_BACKUP_DIR: backups, KEYTURN_BACKUP_INTERVAL: '1s' })
    await vi.waitFor(
      async () =>
        expect(await health()).toMatchObject({
          status: 'degraded',
          backups: { lastFailure: { code: 'backup_failed' } },
        }),
      SOON,
    )
    expect(await metric('keyturn_backups_total{status="failure"}')).toBeGreaterThan(0)
    expect(await metric('keyturn_last_backup_age_seconds')).toBeNaN()
    expect(authority.log()).toContain('a backup of the key ring failed')
    await expectToIssue()
    await rm(backups)
    await untilWell()
    expect(await metric('keyturn_backups_total{status="success"}')).toBeGreaterThan(0)
    expect(await metric('keyturn_last_backup_age_seconds')).toBeLessThan(10)
    const [damaged = ''] = await readdir(backups)
    await truncate(join(backups, damaged), 100)
    await vi.waitFor(
      async () =>
        expect(await health()).toMatchObject({ status: 'degraded', backups: { damaged: [damaged] } }),
      SOON,
    )
    await rm(place, { recursive: true })
  })
})

const isMountable = canMount('an authority on a volume that is nearly full')

describe.skipIf(!isMountable)('an operator hears of a volume that is nearly full (R18, R51, R52)', () => {
  it('before it is, and of the one of the backups too', async () => {
    const place = await mkdtemp(join(tmpdir(), 'keyturn-trouble-'))
    const disk = await SmallDisk.mount(join(place, 'disk'))
    try {
      await mkdir(join(disk.path, 'data'), { mode: 0o700 })
      authority = await runAuthority({
        KEYTURN_DATA_DIR: join(disk.path, 'data'),
        KEYTURN_BACKUP_DIR: join(disk.path, 'backups'),
      })
      await untilWell()
      await disk.fill({ pages: 300 })
      const nearlyFull = { nearlyFull: true }
      await vi.waitFor(
        async () =>
          expect(await health()).toMatchObject({
            status: 'degraded',
            disks: { volumes: { data: nearlyFull, backup: nearlyFull } },
          }),
        SOON,
      )
      expect(await metric('keyturn_data_volume_used_ratio')).toBeGreaterThan(0.9)
      expect(await metric('keyturn_backup_volume_used_ratio')).toBeGreaterThan(0.9)
      expect(await metric('keyturn_volumes_nearly_full')).toBe(2)
      expect(authority.log()).toContain('a volume is nearly full')
      await disk.empty()
      await untilWell()
    } finally {
      await authority.close()
      disk.remove()
      await rm(place, { recursive: true, force: true })
    }
  })
})
