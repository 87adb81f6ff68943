import { parseJwkSet } from '@keyturn/core'
import { testIssuer } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import { holdSet, isFresh, isUsable, keyIn } from './held-set.ts'

const WALL = Date.UTC(2026, 0, 1)
const { keys } = (await testIssuer()).jwks()
const [first, second] = keys.map(({ kid }) => kid) as [string, string]

/** Asked for at 1,000 of the monotonic clock, fresh for 10 s, usable for 5 s more. */
function hold(ends: Readonly<Record<string, number>> = {}) {
  const document = { keys: keys.map((key) => ({ ...key, ...(ends[key.kid] && { exp: ends[key.kid] }) })) }
  const set = parseJwkSet(Buffer.from(JSON.stringify(document)))
  const terms = { set, origin: 'remote', etag: undefined, body: undefined, askedAt: 1000 } as const
  return holdSet({ ...terms, freshMs: 10_000, staleMs: 5000, wallNow: WALL, monotonicNow: 2000 })
}

describe('JWKSCache: a set in use (R35)', () => {
  it('is fresh, then usable, then neither, reckoned from when it was asked for', () => {
    const held = hold()
    const seen = [10_999, 11_000, 15_999, 16_000].map((at) => [isFresh(held, at), isUsable(held, at)])
    expect(seen).toEqual([
      [true, true],
      [false, true],
      [false, true],
      [false, false],
    ])
    expect([isFresh(undefined, 0), isUsable(undefined, 0)]).toEqual([false, false])
  })

  it('that is signed is neither fresh nor usable after the end of that', () => {
    const { set } = hold()
    const signature = { rootKid: 'root', expiresAt: WALL + 7000 }
    const terms = { origin: 'remote', etag: undefined, body: undefined, askedAt: 1000 } as const
    const times = { freshMs: 10_000, staleMs: 5000, wallNow: WALL, monotonicNow: 2000 }
    const held = holdSet({ ...terms, ...times, set: { ...set, signature } })
    expect([8999, 9000].map((at) => [isFresh(held, at), isUsable(held, at)])).toEqual([
      [true, true],
      [false, false],
    ])
  })

  it('gives its keys for as long as it is usable, and no others', () => {
    const held = hold()
    expect(keyIn(held, first, 15_999)?.kid).toBe(first)
    expect(keyIn(held, first, 16_000)).toBeUndefined()
    expect(keyIn(held, 'nobody', 2000)).toBeUndefined()
    expect(keyIn(undefined, first, 2000)).toBeUndefined()
  })

  it('ends a key at its published end by the monotonic clock, and no other key', () => {
    const held = hold({ [first]: WALL / 1000 + 3 })
    expect(keyIn(held, first, 4999)).toBe(held.set.keys.get(first))
    expect(keyIn(held, first, 5000)).toMatchObject({ kid: first, expiresAt: Number.NEGATIVE_INFINITY })
    expect(keyIn(held, second, 5000)).toBe(held.set.keys.get(second))
  })

  it('knows the end of each of several keys', () => {
    const held = hold({ [first]: WALL / 1000 + 3, [second]: WALL / 1000 + 6 })
    expect(keyIn(held, second, 7999)).toBe(held.set.keys.get(second))
    expect(keyIn(held, second, 8000)?.expiresAt).toBe(Number.NEGATIVE_INFINITY)
  })
})
