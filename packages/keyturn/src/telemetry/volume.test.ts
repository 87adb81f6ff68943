import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fakeClock } from '@keyturn/testing'
import { describe, expect, it, vi } from 'vitest'
import { UNKNOWN, volumeOf } from './volume.ts'

describe('how full a volume is (R51)', () => {
  it('is a part of it', async () => {
    const { usedRatio, freeBytes } = await volumeOf(tmpdir()).room()
    expect(usedRatio).toBeGreaterThanOrEqual(0)
    expect(usedRatio).toBeLessThanOrEqual(1)
    expect(freeBytes).toBeGreaterThan(0)
    const look = async () => ({ bsize: 512, blocks: 200, bavail: 50 })
    expect(await volumeOf('.', { look }).room()).toEqual({ usedRatio: 0.75, freeBytes: 25_600 })
  })

  it('is not known where the folder is gone', async () => {
    expect(await volumeOf(join(tmpdir(), 'keyturn-no-such-folder')).room()).toEqual(UNKNOWN)
  })

  it('is not known of a disk that hangs, which is asked once until it answers', async () => {
    const clock = fakeClock()
    let answer = (_blocks: { bsize: number; blocks: number; bavail: number }) => {}
    const look = vi.fn(() => new Promise<Parameters<typeof answer>[0]>((resolve) => (answer = resolve)))
    const volume = volumeOf('.', { clock, look })
    const asked = [volume.room(), volume.room()]
    await clock.advance(1000)
    expect(await Promise.all(asked)).toEqual([UNKNOWN, UNKNOWN])
    const again = volume.room()
    expect(look).toHaveBeenCalledTimes(1)
    answer({ bsize: 512, blocks: 4, bavail: 1 })
    expect((await again).usedRatio).toBe(0.75)
    const afterwards = volume.room()
    expect(look).toHaveBeenCalledTimes(2)
    answer({ bsize: 512, blocks: 4, bavail: 2 })
    expect((await afterwards).usedRatio).toBe(0.5)
    expect(clock.pendingTimers).toBe(0)
  })
})
