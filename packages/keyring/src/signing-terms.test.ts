import type { KeyturnError } from '@keyturn/core'
import { describe, expect, it } from 'vitest'
import { keyAt, newRing } from './ring.fixture.ts'
import { assertFresh, assertSignable } from './signing-terms.ts'

/** With what code, message and remedy it is refused to sign. */
function refusal(claims: object, ttlSeconds: number, { held = false } = {}) {
  const ring = { ...newRing(), held: held ? { generation: 1, writtenAt: 1 } : null }
  try {
    assertSignable(ring, keyAt(ring, 0), claims, ttlSeconds)
  } catch (error) {
    const { code, message, remedy } = error as KeyturnError
    return [code, message, remedy]
  }
  return ['none']
}

describe('what may be signed (R7)', () => {
  const invalid = 'expected a lifetime of at least one second, in whole seconds'
  const reserved = 'expected claims without exp and iat: they are set here'
  const tooLong = 'expected a lifetime of at most 3600 seconds'
  const raise = 'raise the longest token lifetime and restart'

  it.each([
    ['the shortest lifetime', {}, 1, ['none']],
    ['the longest lifetime', { sub: 'u1' }, 3600, ['none']],
    ['no lifetime', {}, 0, ['ttl_invalid', invalid, undefined]],
    ['half a second', {}, 1.5, ['ttl_invalid', invalid, undefined]],
    ['more than the longest lifetime', {}, 3601, ['ttl_too_long', tooLong, raise]],
    ['an end of its own', { exp: 1 }, 60, ['claims_reserved', reserved, undefined]],
    ['a beginning of its own', { iat: 1 }, 60, ['claims_reserved', reserved, undefined]],
  ])('is asked with %s', (_, claims, ttlSeconds, outcome) => {
    expect(refusal(claims, ttlSeconds)).toEqual(outcome)
  })

  it('is nothing while the ring is held (R21)', () => {
    expect(refusal({}, 60, { held: true })).toEqual([
      'ring_held',
      expect.stringContaining('until it is confirmed'),
      'keyturn keys restore FILE --confirm',
    ])
  })
})

describe('what is known of the ring (R20)', () => {
  it('is good to sign by up to the limit, and no longer', () => {
    expect(() => assertFresh(1000, 1000)).not.toThrow()
    expect(() => assertFresh(1001, 1000)).toThrow(
      expect.objectContaining({
        code: 'ring_stale',
        message: expect.stringContaining('too long ago to sign by'),
        remedy: 'make the key store reachable from here',
      }),
    )
  })
})
