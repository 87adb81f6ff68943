import { DEFAULT_POLICY, KeyManager, MemoryKeyStore } from '@keyturn/keyring'
import { fakeClock } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import { Metrics } from './metrics.ts'

const policy = { ...DEFAULT_POLICY, algorithm: 'EdDSA' } as const

async function measured() {
  const clock = fakeClock()
  const metrics = new Metrics()
  const store = new MemoryKeyStore()
  const keys = await KeyManager.open({ store, policy, clock, onEvent: (it) => metrics.onKeyringEvent(it) })
  await keys.close()
  metrics.observe({ keys, now: () => keys.now, dataDir: '.' })
  const read = async (series: string) =>
    (await metrics.render())
      .split('\n')
      .find((line) => line.startsWith(`${series} `))
      ?.slice(series.length + 1)
  return { clock, keys, metrics, read, store }
}

describe('what gauges say of the ring (R51)', () => {
  it('says how long ago the ring in memory was the one in the store, in seconds', async () => {
    const { clock, read } = await measured()
    await clock.advance(90_500)
    expect(await read('keyturn_ring_snapshot_age_seconds')).toBe('90.5')
  })

  it('counts revoked keys until their last token has expired', async () => {
    const { clock, keys, read } = await measured()
    expect(await read('keyturn_revoked_keys')).toBe('0')
    await clock.advance(1000)
    await keys.revoke(keys.ring().keys[0]?.kid ?? '', { reason: 'test' })
    expect(await read('keyturn_revoked_keys')).toBe('1')
  })
})
