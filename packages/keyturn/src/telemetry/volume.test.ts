import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fakeClock } from '@keyturn/testing'
import { describe, expect, it, vi } from 'vitest'
import { volumeOf } from './volume.ts'

describe('how full a volume is (R51)', () => {
  it('is a part of it', async () => {
    const ratio = await volumeOf(tmpdir()).usedRatio()
    expect(ratio).toBeGreaterThanOrEqual(0)
    expect(ratio).toBeLessThanOrEqual(1)
    const look = async () => ({ blocks: 200, bavail: 50 })
    expect(await volumeOf('.', { look }).usedRatio()).toBe(0.75)
  })

  it('is not known where the folder is gone', async () => {
    expect(await volumeOf(join(tmpdir(), 'keyturn-no-such-folder')).usedRatio()).toBeNaN()
  })

  it('is not known of a disk that hangs, which is asked once until it answers', async () => {
    const clock = fakeClock()
    let answer = (_blocks: { blocks: number; bavail: number }) => {}
    const look = vi.fn(() => new Promise<Parameters<typeof answer>[0]>((resolve) => (answer = resolve)))
    const volume = volumeOf('.', { clock, look })
    const asked = [volume.usedRatio(), volume.usedRatio()]
    await clock.advance(1000)
    expect(await Promise.all(asked)).toEqual([Number.NaN, Number.NaN])
    const again = volume.usedRatio()
    expect(look).toHaveBeenCalledTimes(1)
    answer({ blocks: 4, bavail: 1 })
    expect(await again).toBe(0.75)
    const afterwards = volume.usedRatio()
    expect(look).toHaveBeenCalledTimes(2)
    answer({ blocks: 4, bavail: 2 })
    expect(await afterwards).toBe(0.5)
    expect(clock.pendingTimers).toBe(0)
  })
})
