import { describe, expect, it } from 'vitest'
import { waitUntil } from './wait-until.ts'

const DAY = 86_400_000
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** By a clock that goes on as it is slept, and no further than a timer of Node can hold: with more it would fire at once. */
async function waitedFor(atMs: number): Promise<readonly number[]> {
  let now = 0
  const slept: number[] = []
  const sleep = async (ms: number) => {
    slept.push(ms)
    expect(ms).toBeLessThanOrEqual(LONGEST_TIMER_MS)
    now += ms
  }
  await waitUntil(atMs, { now: () => now, sleep })
  return slept
}

describe('waiting for a time (R57)', () => {
  it('ends when it has come, and does not begin when it is over', async () => {
    expect(await waitedFor(5)).toEqual([5])
    expect(await waitedFor(0)).toEqual([])
    expect(await waitedFor(-1)).toEqual([])
  })

  it('goes on beyond what one timer can hold', async () => {
    const slept = await waitedFor(60 * DAY)
    expect(slept.reduce((sum, ms) => sum + ms)).toBe(60 * DAY)
  })
})
