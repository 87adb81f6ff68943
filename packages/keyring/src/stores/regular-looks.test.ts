import { fakeClock } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import { lookRegularly } from './regular-looks.ts'

function looking(everyMs = 10_000) {
  const clock = fakeClock()
  const lookedAt: number[] = []
  const startedAt = clock.monotonicNow()
  const watcher = { onChange() {}, onError() {} }
  const looks = lookRegularly(watcher, { clock, everyMs }, async () => {
    lookedAt.push(clock.monotonicNow() - startedAt)
  })
  return { ...looks, lookedAt, clock }
}

describe('looks that are hastened (R20)', () => {
  it('come at once after a quiet time', async () => {
    const { hasten, lookedAt, clock } = looking()
    await clock.advance(2000)
    hasten()
    expect(lookedAt).toEqual([2000])
  })

  it('leave a gap, however often they are asked for: anybody may NOTIFY', async () => {
    const { hasten, lookedAt, clock } = looking()
    for (let ms = 0; ms < 1000; ms += 5) {
      hasten()
      hasten()
      await clock.advance(5)
    }
    expect(lookedAt).toEqual([0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000])
  })

  it('miss nothing that was told during a look, and go on in their time after that', async () => {
    const { hasten, lookedAt, clock } = looking()
    hasten()
    hasten()
    await clock.advance(100)
    expect(lookedAt).toEqual([0, 100])
    await clock.advance(10_000)
    expect(lookedAt).toEqual([0, 100, 10_100])
  })

  it('end when they are stopped, also one that was asked for', async () => {
    const { hasten, stop, lookedAt, clock } = looking()
    hasten()
    await clock.advance(1)
    hasten()
    stop()
    hasten()
    await clock.advance(60_000)
    expect(lookedAt).toEqual([0])
  })
})
