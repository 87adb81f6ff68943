import { codeOf } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import { openManager } from './open-manager.fixture.ts'

describe('what may be signed (R7)', () => {
  it.each([
    ['no lifetime', {}, 0, 'ttl_invalid'],
    ['half a second', {}, 0.5, 'ttl_invalid'],
    ['the longest lifetime', {}, 3600, 'none'],
    ['more than the longest lifetime', {}, 3601, 'ttl_too_long'],
    ['an end of its own', { exp: 1 }, 60, 'claims_reserved'],
    ['a beginning of its own', { iat: 1 }, 60, 'claims_reserved'],
  ])('is asked with %s', async (_, claims, ttlSeconds, code) => {
    const { keys } = await openManager()
    expect(await codeOf(keys.sign(claims, { ttlSeconds, typ: 'at+jwt' }))).toBe(code)
  })
})
