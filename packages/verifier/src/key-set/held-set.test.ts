import { parseJwkSet } from '@keyturn/core'
import { testIssuer } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import { holdSet, isFresh, isUsable, keyIn } from './held-set.ts'

const WALL = Date.UTC(2026, 0, 1)
const { keys } = (await testIssuer()).jwks()
const [first, second] = keys.map(({ kid }) => kid) as [string, string]

const NOTHING = { etag: undefined, cacheControl: undefined, body: undefined }
const ASKED_AT = { monotonic: 1000, wall: WALL }
/** Both clocks so long after the question. */
const after = (ms: number) => ({ monotonic: 1000 + ms, wall: WALL + ms })

/** Fresh for 10 s, usable for 5 s more. */
function hold(ends: Readonly<Record<string, number>> = {}) {
  const document = { keys: keys.map((key) => ({ ...key, ...(ends[key.kid] && { exp: ends[key.kid] }) })) }
  const set = parseJwkSet(Buffer.from(JSON.stringify(document)))
  const terms = { set, origin: 'remote', ...NOTHING, askedAt: ASKED_AT } as const
  return holdSet({ ...terms, freshMs: 10_000, staleMs: 5000 })
}

describe('JWKSCache: a set in use (R35)', () => {
  it('is fresh, then usable, then neither, reckoned from when it was asked for', () => {
    const held = hold()
    const seen = [9999, 10_000, 14_999, 15_000].map((ms) => [
      isFresh(held, after(ms)),
      isUsable(held, after(ms)),
    ])
    expect(seen).toEqual([
      [true, true],
      [false, true],
      [false, true],
      [false, false],
    ])
    expect([isFresh(undefined, after(0)), isUsable(undefined, after(0))]).toEqual([false, false])
  })

  it('that is signed is neither fresh nor usable after the end of that', () => {
    const { set } = hold()
    const signature = { rootKid: 'root', issuedAt: WALL, expiresAt: WALL + 7000 }
    const terms = { origin: 'remote', ...NOTHING, askedAt: ASKED_AT } as const
    const times = { freshMs: 10_000, staleMs: 5000 }
    const held = holdSet({ ...terms, ...times, set: { ...set, signature } })
    expect([6999, 7000].map((ms) => [isFresh(held, after(ms)), isUsable(held, after(ms))])).toEqual([
      [true, true],
      [false, false],
    ])
  })

  it('gives its keys for as long as it is usable, and no others', () => {
    const held = hold()
    expect(keyIn(held, first, after(14999))?.kid).toBe(first)
    expect(keyIn(held, first, after(15000))).toBeUndefined()
    expect(keyIn(held, 'nobody', after(1000))).toBeUndefined()
    expect(keyIn(undefined, first, after(1000))).toBeUndefined()
  })

  it.each([
    [
      'the machine slept, and the monotonic clock with it',
      (ms: number) => ({ ...after(0), wall: WALL + ms }),
    ],
    ['the wall clock was set back', (ms: number) => ({ ...after(ms), wall: WALL - 3600_000 })],
  ])('is as old as the clock has it that went on, when %s', (_, at) => {
    const held = hold({ [first]: WALL / 1000 + 3 })
    expect([2999, 3000].map((ms) => keyIn(held, first, at(ms))?.expiresAt)).toEqual([WALL + 3000, -Infinity])
    expect([9999, 10_000].map((ms) => isFresh(held, at(ms)))).toEqual([true, false])
    expect([14_999, 15_000].map((ms) => isUsable(held, at(ms)))).toEqual([true, false])
    expect([14_999, 15_000].map((ms) => keyIn(held, second, at(ms))?.kid)).toEqual([second, undefined])
  })

  it('ends a key at its published end, and no other key', () => {
    const held = hold({ [first]: WALL / 1000 + 3 })
    expect(keyIn(held, first, after(2999))).toBe(held.set.keys.get(first))
    expect(keyIn(held, first, after(3000))).toMatchObject({ kid: first, expiresAt: Number.NEGATIVE_INFINITY })
    expect(keyIn(held, second, after(3000))).toBe(held.set.keys.get(second))
  })

  it('knows the end of each of several keys', () => {
    const held = hold({ [first]: WALL / 1000 + 3, [second]: WALL / 1000 + 6 })
    expect(keyIn(held, second, after(5999))).toBe(held.set.keys.get(second))
    expect(keyIn(held, second, after(6000))?.expiresAt).toBe(Number.NEGATIVE_INFINITY)
  })
})
