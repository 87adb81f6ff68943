import { describe, expect, it } from 'vitest'
import { elapsedMs } from './instant.ts'

const since = { monotonic: 10, wall: 1000 }

describe('how long it is since then (R35)', () => {
  it.each([
    ['both clocks went on', { monotonic: 15, wall: 1005 }, 5],
    ['the machine slept', { monotonic: 15, wall: 9000 }, 8000],
    ['the wall clock was set back', { monotonic: 15, wall: 0 }, 5],
  ])('is what the clock says that went on, when %s', (_, now, ms) => {
    expect(elapsedMs(since, now)).toBe(ms)
  })
})
