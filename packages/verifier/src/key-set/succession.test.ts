import { type JwkSet, parseJwkSet } from '@keyturn/core'
import { testIssuer } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import { hasLivingKey, isOlder } from './succession.ts'

const { keys } = (await testIssuer()).jwks()
const NONE: ReadonlySet<string> = new Set()

function setOf(ring: string | undefined, version: number, issuedAt?: number): JwkSet {
  const keyturn = ring === undefined ? undefined : { ring, version }
  const set = parseJwkSet(Buffer.from(JSON.stringify({ keys, keyturn })))
  if (issuedAt === undefined) return set
  return { ...set, signature: { rootKid: 'root', issuedAt, expiresAt: issuedAt + 1000 } }
}

describe('a set that would take the place of another (R37, R39)', () => {
  it('is older by its version, where both are of one ring, however it is dated', () => {
    expect(isOlder(setOf('a', 6), setOf('a', 7), NONE)).toBe(true)
    expect(isOlder(setOf('a', 7), setOf('a', 7), NONE)).toBe(false)
    expect(isOlder(setOf('a', 8, 1), setOf('a', 7, 2), NONE)).toBe(false)
    expect(isOlder(setOf('a', 6, 2), setOf('a', 7, 1), NONE)).toBe(true)
  })

  it('of another ring is older by its date, where a root key has dated both', () => {
    expect(isOlder(setOf('a', 9, 1), setOf('b', 1, 2), NONE)).toBe(true)
    expect(isOlder(setOf('a', 1, 3), setOf('b', 9, 2), NONE)).toBe(false)
    expect(isOlder(setOf('a', 9), setOf('b', 1, 2), NONE)).toBe(false)
    expect(isOlder(setOf('a', 9, 1), setOf('b', 1), NONE)).toBe(false)
  })

  it('of the same date is older where its ring gave way before', () => {
    expect(isOlder(setOf('a', 9, 2), setOf('b', 1, 2), NONE)).toBe(false)
    expect(isOlder(setOf('a', 9, 2), setOf('b', 1, 2), new Set(['a']))).toBe(true)
    expect(isOlder(setOf('a', 9, 3), setOf('b', 1, 2), new Set(['a']))).toBe(false)
    expect(isOlder(setOf('a', 9), setOf('b', 1), new Set(['a']))).toBe(false)
  })

  it('is not known to be older where either does not say what it is', () => {
    expect(isOlder(setOf(undefined, 0, 1), setOf('a', 7, 2), NONE)).toBe(false)
    expect(isOlder(setOf('a', 7, 1), setOf(undefined, 0, 2), NONE)).toBe(false)
  })

  it('has a living key until the last has ended', () => {
    const ending = { keys: keys.map((key, index) => ({ ...key, exp: 10 + index })) }
    const set = parseJwkSet(Buffer.from(JSON.stringify(ending)))
    const last = (9 + keys.length) * 1000
    expect([last - 1, last].map((now) => hasLivingKey(set, now))).toEqual([true, false])
  })
})
