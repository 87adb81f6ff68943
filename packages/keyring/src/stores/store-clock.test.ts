import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clockAhead } from './store-clock.ts'

describe('clockAhead (R20)', () => {
  it('stays at nothing while the clocks agree, however slow the answers', () => {
    expect(clockAhead(0, { askedAt: 1000, storeTime: 1001, heardAt: 1002 })).toBe(0)
    expect(clockAhead(0, { askedAt: 2000, storeTime: 2900, heardAt: 7000 })).toBe(0)
  })

  it('follows a clock that is elsewhere, and comes closer with each faster answer', () => {
    const first = clockAhead(0, { askedAt: 1000, storeTime: 61_200, heardAt: 1400 })
    expect(first).toBe(59_800)
    expect(clockAhead(first, { askedAt: 2000, storeTime: 62_001, heardAt: 2002 })).toBe(59_999)
  })

  it('says nothing of a reading during which this clock was set back', () => {
    expect(clockAhead(7, { askedAt: 5000, storeTime: 5000, heardAt: 1000 })).toBe(7)
  })

  it('is never farther from the truth than an answer takes', () => {
    const ms = fc.integer({ min: 0, max: 10_000 })
    fc.assert(
      fc.property(fc.integer(), fc.integer(), ms, ms, (believed, truth, there, back) => {
        const askedAt = 1_000_000
        const reading = { askedAt, storeTime: askedAt + there + truth, heardAt: askedAt + there + back }
        expect(Math.abs(clockAhead(believed, reading) - truth)).toBeLessThanOrEqual(there + back)
      }),
    )
  })
})
