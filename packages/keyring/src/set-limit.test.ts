import { JWK_SET_LIMITS } from '@keyturn/core'
import { codeOf } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import { generateSigningPair, type KeyPair } from './key-pair.ts'
import { openManager } from './open-manager.fixture.ts'
import { publishedSet } from './published-set.ts'
import { keyAt, MADE_AT, newPair, newRing, policy, turnedRing, withKey } from './ring.fixture.ts'
import type { KeyRing } from './ring.ts'
import { assertRoom, hasRoom } from './set-limit.ts'
import { graceOf } from './timing.ts'

const pairs = await Promise.all(Array.from({ length: 60 }, () => generateSigningPair(policy)))

describe('the size of the key set (R6, R29)', () => {
  it('stays within what verifiers take, however often an operator rotates', async () => {
    const unused = pairs.values()
    const { keys, advance } = await openManager({ generate: async () => unused.next().value as KeyPair })
    const outcomes: string[] = []
    for (let turn = 0; turn < 40; turn++) {
      outcomes.push(await codeOf(keys.rotate({ force: true })))
      await advance(2 * policy.timing.storePollMs)
    }
    expect(keys.publicJwks().keys).toHaveLength(JWK_SET_LIMITS.keys)
    expect(new Set(outcomes)).toEqual(new Set(['none', 'set_full']))
    expect(keys.health().nextKeyReady).toBe(false)
    await advance(graceOf(policy.timing))
    expect(keys.health().nextKeyReady).toBe(true)
    expect(await codeOf(keys.rotate({ force: true }))).toBe('none')
  })
})

describe('room for one more key (R29, R37)', () => {
  const KEY_BYTES = 300
  /** A ring that publishes so many keys. */
  const ringOf = (keys: number): KeyRing => {
    const ring = turnedRing()
    const more = Array.from({ length: keys - 3 }, () => ({ ...keyAt(ring, 0), ...newPair() }))
    return { ...ring, keys: [...more, ...ring.keys] }
  }
  /** A ring that publishes so many bytes. */
  const ringOfBytes = (bytes: number): KeyRing => {
    const ringWith = (n: string) => withKey(newRing(), 0, { publicJwk: { kty: 'RSA', n, e: 'AQAB' } })
    const { document } = publishedSet(ringWith(''), MADE_AT)
    return ringWith('x'.repeat(bytes - JSON.stringify(document).length))
  }

  it('is there up to the number of keys that verifiers take', () => {
    expect(hasRoom(ringOf(JWK_SET_LIMITS.keys - 1), KEY_BYTES, MADE_AT)).toBe(true)
    expect(hasRoom(ringOf(JWK_SET_LIMITS.keys), KEY_BYTES, MADE_AT)).toBe(false)
  })

  it('is there up to the number of bytes that verifiers take', () => {
    const most = JWK_SET_LIMITS.signableBytes - KEY_BYTES
    expect(hasRoom(ringOfBytes(most), KEY_BYTES, MADE_AT)).toBe(true)
    expect(hasRoom(ringOfBytes(most + 1), KEY_BYTES, MADE_AT)).toBe(false)
  })

  it('comes when the first key goes, of those that have an end, where there is none', () => {
    const full = ringOf(JWK_SET_LIMITS.keys)
    const firstEnd = full.writtenAt + graceOf(policy.timing)
    expect(() => assertRoom(ringOf(JWK_SET_LIMITS.keys - 1), KEY_BYTES, MADE_AT)).not.toThrow()
    expect(() => assertRoom(full, KEY_BYTES, MADE_AT)).toThrow(
      expect.objectContaining({
        code: 'set_full',
        message: expect.stringContaining('as many keys, or bytes, as verifiers take'),
        remedy: `wait until a key has gone, at ${new Date(firstEnd).toISOString()}`,
      }),
    )
  })

  it('comes never for a key that is too large beside those that stay', () => {
    const ring = newRing()
    const staying = withKey({ ...ring, keys: ring.keys.slice(0, 1) }, 0, { publishUntil: null })
    expect(() => assertRoom(staying, JWK_SET_LIMITS.signableBytes, MADE_AT)).toThrow(
      expect.objectContaining({ code: 'set_full', remedy: 'take a smaller key' }),
    )
  })
})
