import { instantOf } from '@keyturn/core'
import { fakeClock } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import { RefreshTimer } from './refresh-timer.ts'

function scene() {
  const clock = fakeClock()
  const refreshes: number[] = []
  const start = clock.now()
  const timer = new RefreshTimer(clock, () => refreshes.push(clock.now() - start))
  /** As somebody who asks for a key after so long, in which no timer ran. */
  const isOverdueAfter = (ms: number) => {
    const { wall, monotonic } = instantOf(clock)
    return timer.isOverdue({ wall: wall + ms, monotonic })
  }
  return { clock, refreshes, timer, isOverdueAfter }
}

describe('when the next refresh is due (R34)', () => {
  it('is once, after the delay that was set last', async () => {
    const { clock, refreshes, timer } = scene()
    timer.set(1000)
    timer.set(3000)
    await clock.advance(2999)
    expect(refreshes).toEqual([])
    await clock.advance(10_000)
    expect(refreshes).toEqual([3000])
  })

  it('is never once it is cleared, also for who looks', async () => {
    const { clock, refreshes, timer, isOverdueAfter } = scene()
    timer.clear()
    timer.set(1000)
    timer.clear()
    expect(isOverdueAfter(5000)).toBe(false)
    await clock.advance(5000)
    expect(refreshes).toEqual([])
  })

  it('is past for who looks after a machine has slept, and not at the instant itself, which is the timer’s', () => {
    const { timer, isOverdueAfter } = scene()
    expect(isOverdueAfter(5000)).toBe(false)
    timer.set(1000)
    expect([999, 1000, 1001].map(isOverdueAfter)).toEqual([false, false, true])
  })
})
