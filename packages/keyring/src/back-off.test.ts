import { describe, expect, it } from 'vitest'
import { backOffMs } from './back-off.ts'

describe('the wait before another attempt (R9)', () => {
  it.each([
    [0, 1000],
    [1, 2000],
    [8, 256_000],
    [9, 300_000],
    [5000, 300_000],
  ])('doubles up to five minutes: after %d earlier failures %d ms', (earlier, ms) => {
    expect(backOffMs(earlier, 0)).toBe(ms)
  })

  it.each([
    [0, 1000],
    [1, 1000],
    [3, 4000],
    [9, 150_000],
  ])('is shorter by up to a half, and never than a second: after %d at least %d ms', (earlier, ms) => {
    expect(backOffMs(earlier, 1)).toBe(ms)
  })
})
