import { KeyturnError } from '@keyturn/core'
import {
  DEFAULT_POLICY,
  generateSigningPair,
  KeyManager,
  type KeyPair,
  leadOf,
  MemoryKeyStore,
} from '@keyturn/keyring'
import { fakeClock } from '@keyturn/testing'
import { afterEach, describe, expect, it } from 'vitest'
import type { DiskHealth } from './disk-watch.ts'
import { Metrics } from './metrics.ts'

const policy = { ...DEFAULT_POLICY, algorithm: 'EdDSA' } as const
const { rotationIntervalMs, storePollMs, clockSkewMs } = policy.timing
const HOUR = 3_600_000
const pairs = await Promise.all(Array.from({ length: 6 }, () => generateSigningPair(policy)))
const opened: KeyManager[] = []
afterEach(async () => {
  for (const keys of opened.splice(0)) await keys.close()
})

const disksWith = (change: Partial<DiskHealth> = {}) => ({
  health: (): DiskHealth => ({ status: 'ok', stateError: undefined, volumes: {}, ...change }),
})

async function measured(disks = disksWith()) {
  const clock = fakeClock()
  const metrics = new Metrics()
  const store = new MemoryKeyStore()
  const unused = pairs.values()
  const generate = async () => unused.next().value as KeyPair
  const onEvent = metrics.onKeyringEvent.bind(metrics)
  const keys = await KeyManager.open({ store, policy, clock, generate, onEvent })
  opened.push(keys)
  metrics.observe({ keys, disks, backups: undefined })
  const read = async (series: string) =>
    (await metrics.render())
      .split('\n')
      .find((line) => line.startsWith(`${series} `))
      ?.slice(series.length + 1)
  const breakDisk = () => {
    store.save = () => Promise.reject(new KeyturnError('store_failed', 'the disk is full'))
  }
  return { clock, keys, read, breakDisk }
}

describe('what gauges say of the ring (R51)', () => {
  it('says how long ago the ring in memory was the one in the store, in seconds', async () => {
    const { clock, keys, read } = await measured()
    await keys.close()
    await clock.advance(90_500)
    expect(await read('keyturn_ring_snapshot_age_seconds')).toBe('90.5')
  })

  it('says that a rotation is going to be late while there still is a lead to mend it', async () => {
    const { clock, keys, read, breakDisk } = await measured()
    breakDisk()
    await clock.advance(rotationIntervalMs + HOUR)
    expect(await read('keyturn_next_key_ready')).toBe('0')
    expect(await read('keyturn_rotation_overdue')).toBe('0')
    await clock.advance(rotationIntervalMs - HOUR - leadOf(policy.timing) + 1)
    expect(await read('keyturn_rotation_overdue')).toBe('1')
    expect(keys.health()).toMatchObject({ status: 'degraded', rotationOverdue: true })
  })

  it('counts revoked keys until their last token has expired', async () => {
    const { clock, keys, read } = await measured()
    expect(await read('keyturn_revoked_keys')).toBe('0')
    await clock.advance(1000)
    await keys.revoke(keys.ring().keys[0]?.kid ?? '', { reason: 'test' })
    expect(await read('keyturn_revoked_keys')).toBe('1')
  })
})

describe('what gauges say of disks (R51)', () => {
  it('says how full they are, and whether the state is still there', async () => {
    const room = { usedRatio: 0.5, freeBytes: 1, nearlyFull: false }
    const full = { usedRatio: 0.95, freeBytes: 1, nearlyFull: true }
    const volumes = { data: room, backup: full }
    const { read } = await measured(disksWith({ stateError: 'state_missing', volumes }))
    expect(await read('keyturn_data_volume_used_ratio')).toBe('0.5')
    expect(await read('keyturn_backup_volume_used_ratio')).toBe('0.95')
    expect(await read('keyturn_volumes_nearly_full')).toBe('1')
    expect(await read('keyturn_state_integrity')).toBe('0')
  })
})

describe('a gauge that cannot be read (R51)', () => {
  it('is NaN, and takes no other with it', async () => {
    const { keys, read } = await measured()
    expect(await read('keyturn_data_volume_used_ratio')).toBe('Nan')
    keys.health = () => {
      throw new Error('broken')
    }
    expect(await read('keyturn_ring_integrity')).toBe('Nan')
    expect(await read('keyturn_published_keys')).toBe('2')
  })

  it('takes no other with it where it has a series for each key', async () => {
    const { keys, read } = await measured()
    keys.ring = () => {
      throw new Error('broken')
    }
    expect(await read('keyturn_ring_generation')).toBe('Nan')
    expect(await read('keyturn_ring_integrity')).toBe('1')
  })
})

describe('what counters count (R9, R51)', () => {
  it('counts each attempt to make the next key that failed, and the failed writes', async () => {
    const { clock, read, breakDisk } = await measured()
    breakDisk()
    await clock.advance(rotationIntervalMs)
    expect(await read('keyturn_rotations_total{status="failure"}')).toBe('1')
    await clock.advance(1000)
    expect(await read('keyturn_rotations_total{status="failure"}')).toBe('2')
    expect(await read('keyturn_rotations_total{status="success"}')).toBe('1')
    expect(await read('keyturn_store_errors_total{operation="write"}')).toBe('2')
    expect(await read('keyturn_store_errors_total{operation="read"}')).toBe('0')
  })

  it('counts housekeeping that fails as no failed rotation', async () => {
    const { clock, read, breakDisk } = await measured()
    await clock.advance(rotationIntervalMs)
    breakDisk()
    await clock.advance(storePollMs + 2 * clockSkewMs)
    expect(await read('keyturn_store_errors_total{operation="write"}')).toBe('1')
    expect(await read('keyturn_rotation_failures_consecutive')).toBe('1')
    expect(await read('keyturn_rotations_total{status="failure"}')).toBe('0')
  })
})
