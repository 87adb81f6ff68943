import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RefetchBudget } from './refetch-budget.ts'

const budget = (nowMs = 0) => new RefetchBudget({ size: 2, refillMs: 5000, nowMs })

describe('JWKSCache: budget for unknown kids (R36)', () => {
  it('lets two attempts through at once, and no third', () => {
    const attempts = budget()
    expect([1, 2, 3, 4].map(() => attempts.take(0))).toEqual([true, true, false, false])
  })

  it('gives one attempt back every five seconds, up to two', () => {
    const attempts = budget()
    attempts.take(0)
    attempts.take(0)
    expect(attempts.take(4999)).toBe(false)
    expect(attempts.take(5000)).toBe(true)
    expect(attempts.take(5000)).toBe(false)
    expect([1, 2, 3].map(() => attempts.take(60_000))).toEqual([true, true, false])
  })

  it('never lets more through in any window than its size and what that window refills', () => {
    const waits = fc.array(fc.integer({ min: 0, max: 7000 }), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(waits, (delays) => {
        const attempts = budget()
        let now = 0
        const taken: number[] = []
        for (const delay of delays) {
          now += delay
          if (attempts.take(now)) taken.push(now)
        }
        for (const [from, start] of taken.entries()) {
          for (const [to, end] of taken.entries()) {
            if (to >= from) expect(to - from + 1).toBeLessThanOrEqual(2 + Math.floor((end - start) / 5000))
          }
        }
      }),
    )
  })
})
