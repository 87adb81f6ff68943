import { afterEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from './ports.ts'

afterEach(() => {
  vi.useRealTimers()
})

describe('systemClock', () => {
  it('reads the wall clock, and a clock that never runs backwards', () => {
    vi.useFakeTimers({ now: 1_800_000_000_000 })
    expect(systemClock.now()).toBe(1_800_000_000_000)
    const before = systemClock.monotonicNow()
    vi.setSystemTime(0)
    vi.advanceTimersByTime(5)
    expect(systemClock.monotonicNow()).toBeGreaterThanOrEqual(before)
  })

  it('calls back once, after the delay', () => {
    vi.useFakeTimers()
    const callback = vi.fn()
    systemClock.setTimer(callback, 1000)
    vi.advanceTimersByTime(999)
    expect(callback).not.toHaveBeenCalled()
    vi.advanceTimersByTime(100_000)
    expect(callback).toHaveBeenCalledTimes(1)
  })

  it('can be called off', () => {
    vi.useFakeTimers()
    const callback = vi.fn()
    systemClock.setTimer(callback, 1000)()
    vi.advanceTimersByTime(10_000)
    expect(callback).not.toHaveBeenCalled()
  })

  it.each([2 ** 31, 1e15, Number.POSITIVE_INFINITY])(
    'calls back early rather than at once for %d ms',
    (delay) => {
      vi.useFakeTimers()
      const callback = vi.fn()
      systemClock.setTimer(callback, delay)
      vi.advanceTimersByTime(2 ** 31 - 2)
      expect(callback).not.toHaveBeenCalled()
      vi.advanceTimersByTime(1)
      expect(callback).toHaveBeenCalledTimes(1)
    },
  )

  it('does not wait for the past', () => {
    vi.useFakeTimers()
    const callback = vi.fn()
    systemClock.setTimer(callback, -5)
    vi.advanceTimersByTime(0)
    expect(callback).toHaveBeenCalledTimes(1)
  })
})
