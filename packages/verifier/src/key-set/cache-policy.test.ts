import { describe, expect, it } from 'vitest'
import { freshForMs, refreshInMs } from './cache-policy.ts'

const bounds = { minMs: 60_000, maxMs: 3_600_000, defaultMs: 300_000 }
const freshSeconds = (cacheControl?: string, age?: string) => freshForMs({ cacheControl, age }, bounds) / 1000

describe('JWKSCache: how long a set is fresh (R35)', () => {
  it.each([
    ['max-age', 'public, max-age=900, stale-while-revalidate=60', undefined, 900],
    ['max-age in any case, quoted or spaced', 'Public,MAX-AGE = "900"', undefined, 900],
    ['max-age less Age', 'max-age=900', '300', 600],
    ['the first of two max-age', 'max-age=900, max-age=5', undefined, 900],
    ['not s-maxage, which is for shared caches', 's-maxage=900', undefined, 300],
    ['the default without the header', undefined, undefined, 300],
    ['the default without max-age', 'public', undefined, 300],
    ['the default for a max-age that makes no sense', 'max-age=soon', undefined, 300],
    ['the default for a number beyond ten digits', 'max-age=99999999999', undefined, 300],
    ['the floor below it', 'max-age=0', undefined, 60],
    ['the floor when Age is beyond max-age', 'max-age=900', '5000', 60],
    ['the ceiling above it', 'max-age=86400', undefined, 3600],
    ['the floor for no-store', 'no-store, max-age=900', undefined, 60],
    ['the floor for no-store at the end', 'max-age=900, no-store', undefined, 60],
    ['max-age beside a word that only begins like no-store', 'no-storeroom, max-age=900', undefined, 900],
    ['max-age beside a word that only ends like no-store', 'x-no-store, max-age=900', undefined, 900],
    ['the floor for no-cache', 'max-age=900, no-cache="set-cookie"', undefined, 60],
    ['as if no Age were there when it makes no sense', 'max-age=900', '-300', 900],
    ['as if no Age were there when it is more than a number', 'max-age=900', '300.5', 900],
  ])('is %s', (_, cacheControl, age, expected) => {
    expect(freshSeconds(cacheControl, age)).toBe(expected)
  })

  it('keeps the default within the bounds too', () => {
    expect(freshForMs({ cacheControl: undefined, age: undefined }, { ...bounds, defaultMs: 1 })).toBe(60_000)
  })
})

describe('JWKSCache: when a set is asked for again (R35)', () => {
  const MINUTE = 60_000
  const inMs = (untilActivationMs: number, random = 0, freshMs = 15 * MINUTE) =>
    refreshInMs({ freshMs, untilActivationMs, minMs: MINUTE, random })

  it.each([
    ['at 80 % of its time', Infinity, 0, 12 * MINUTE],
    ['at 70 % of it, spread', Infinity, 1, 10.5 * MINUTE],
    ['half a minute before a handover that it would be used across', 5 * MINUTE, 0, 4.5 * MINUTE],
    ['a whole minute before it, spread', 5 * MINUTE, 1, 4 * MINUTE],
    ['as ever when the handover comes right after that', 12.6 * MINUTE, 0, 12 * MINUTE],
    ['before a handover that falls into the last fifth', 12.4 * MINUTE, 0, 11.9 * MINUTE],
    ['as ever when the handover comes after its time', 15 * MINUTE, 0, 12 * MINUTE],
    ['as ever when it was asked for just before the handover', 1.4 * MINUTE, 0, 12 * MINUTE],
    ['at the floor at the soonest', 1.5 * MINUTE, 0, MINUTE],
    ['as ever when the handover has been', -MINUTE, 0, 12 * MINUTE],
  ])('is %s', (_, untilActivationMs, random, expected) => {
    expect(inMs(untilActivationMs, random)).toBe(expected)
  })

  it.each([100_000, 105_000])(
    'is as ever when the set is used up by the handover, in %d ms',
    (untilActivationMs) => {
      expect(inMs(untilActivationMs, 0, 100_000)).toBe(80_000)
    },
  )
})
