import { KeyturnError } from '@keyturn/core'
import { fakeClock } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import { FailureStreak } from './failure-streak.ts'

const failure = new KeyturnError('store_failed', 'the disk is full')

describe('failures in a row (R9)', () => {
  it('are counted, and each is followed by a longer wait', () => {
    const streak = new FailureStreak(fakeClock(), () => 0)
    expect(streak.add(failure)).toEqual({ code: 'store_failed', failures: 1, retryInMs: 1000 })
    expect(streak.add(new Error('bug'))).toEqual({ code: 'internal_error', failures: 2, retryInMs: 2000 })
    expect(streak.length).toBe(2)
  })

  it('end with a success, after which the last one is still known and the next one is the first', async () => {
    const clock = fakeClock()
    const streak = new FailureStreak(clock, () => 0)
    const at = clock.now()
    streak.add(failure)
    await clock.advance(1000)
    expect([streak.end(), streak.end()]).toEqual([1, 0])
    expect(streak.length).toBe(0)
    expect(streak.last).toEqual({ code: 'store_failed', at })
    expect(streak.add(failure)).toMatchObject({ failures: 1, retryInMs: 1000 })
  })
})
