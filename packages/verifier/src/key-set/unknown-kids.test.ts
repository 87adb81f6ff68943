import { describe, expect, it } from 'vitest'
import { UnknownKids } from './unknown-kids.ts'

describe('JWKSCache: memory of unknown kids (R36)', () => {
  it('lasts for ten seconds', () => {
    const kids = new UnknownKids(0, () => {})
    kids.remember('a', 0)
    expect([kids.isRemembered('a', 9999), kids.isRemembered('a', 10_000)]).toEqual([true, false])
    expect(kids.isRemembered('b', 0)).toBe(false)
  })

  it('is of each kid from when it was looked for', () => {
    const kids = new UnknownKids(0, () => {})
    kids.remember('a', 0)
    kids.remember('b', 5000)
    const remembered = (nowMs: number) => ['a', 'b'].map((kid) => kids.isRemembered(kid, nowMs))
    expect([9999, 14_999, 15_000].map(remembered)).toEqual([
      [true, true],
      [false, true],
      [false, false],
    ])
  })

  it('costs a bounded number of attempts, and is reported once each time that they run out', () => {
    let reports = 0
    const kids = new UnknownKids(0, () => reports++)
    const attempts = (nowMs: number) => [1, 2, 3, 4].map(() => kids.takeAttempt(nowMs))
    expect([attempts(0), reports]).toEqual([[true, true, false, false], 1])
    expect([attempts(5000), reports]).toEqual([[true, false, false, false], 2])
    expect([kids.takeAttempt(60_000), kids.takeAttempt(60_000), reports]).toEqual([true, true, 2])
  })

  it('holds a thousand at most, and rather forgets all than grows', () => {
    const kids = new UnknownKids(0, () => {})
    const held = () => Array.from({ length: 2500 }, (_, kid) => kids.isRemembered(`k${kid}`, 0))
    for (let kid = 0; kid < 2500; kid++) {
      kids.remember(`k${kid}`, 0)
      if (kid % 100 === 0) expect(held().filter(Boolean).length).toBeLessThanOrEqual(1000)
    }
    expect(kids.isRemembered('k2499', 0)).toBe(true)
  })
})
