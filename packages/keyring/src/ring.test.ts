import { KeyturnError } from '@keyturn/core'
import { describe, expect, it } from 'vitest'
import { keyAt, MADE_AT, newPair, newRing, policy, turnedRing, withKey } from './ring.fixture.ts'
import {
  activeKey,
  assertFollows,
  assertRing,
  currentExposure,
  effectiveNow,
  exposureEnd,
  findKey,
  inUseUntil,
  type KeyRing,
  keyOf,
  publishedKeys,
} from './ring.ts'

const T = policy.timing.rotationIntervalMs
const TURNED_AT = MADE_AT + T

describe('the keys of a ring at an instant (R3, R4)', () => {
  it('are one that signs, and one that will', () => {
    const ring = turnedRing()
    const [, second, third] = ring.keys
    expect(findKey(ring, 'active', TURNED_AT)).toBe(second)
    expect(activeKey(ring, TURNED_AT)).toBe(second)
    expect(findKey(ring, 'next', TURNED_AT)).toBe(third)
    expect(findKey(ring, 'next', TURNED_AT + T)).toBeUndefined()
  })

  it('are published from before they sign until their last token has ended', () => {
    const ring = turnedRing()
    const [first, second, third] = ring.keys
    expect(publishedKeys(ring, TURNED_AT)).toEqual([first, second, third])
    expect(publishedKeys(ring, (first?.publishUntil ?? 0) - 1)).toEqual([first, second, third])
    expect(publishedKeys(ring, first?.publishUntil ?? 0)).toEqual([second, third])
  })

  it('are published no more once they are revoked', () => {
    const ring = withKey(turnedRing(), 0, { revokedAt: TURNED_AT })
    expect(publishedKeys(ring, TURNED_AT)).toEqual(ring.keys.slice(1))
  })

  it('are said to be wanting where nobody signs', () => {
    expect(() => activeKey(turnedRing(), MADE_AT - 1)).toThrow(
      expect.objectContaining({ code: 'no_active_key', message: 'the ring has no active key' }),
    )
  })

  it('are found by their kid in any state, and said to be wanting where there is none', () => {
    const ring = turnedRing()
    for (const key of ring.keys) expect(keyOf(ring, key.kid)).toBe(key)
    expect(() => keyOf(ring, newPair().kid)).toThrow(
      expect.objectContaining({ code: 'key_not_found', message: 'the ring has no such key' }),
    )
  })

  it('are never younger than the last write', () => {
    expect(effectiveNow(turnedRing(), TURNED_AT - 1)).toBe(TURNED_AT)
    expect(effectiveNow(turnedRing(), TURNED_AT + 1)).toBe(TURNED_AT + 1)
  })
})

describe('for how long a set may be in use (R6)', () => {
  const ended = { exposureMs: 500, servedFrom: 0, servedUntil: 1000 }
  const current = { exposureMs: 100, servedFrom: 1000, servedUntil: null }

  it('is what is served today, among all that was', () => {
    expect(currentExposure({ ...newRing(), exposures: [ended, current] })).toBe(current)
    expect(currentExposure({ ...newRing(), exposures: [ended] })).toBeUndefined()
  })

  it('goes by the longest of those that were served so far', () => {
    const exposures = [ended, current]
    expect(inUseUntil({ exposures }, 1200)).toBe(1500)
    expect(inUseUntil({ exposures }, 1401)).toBe(1501)
  })

  it('is at least until the set was served', () => {
    expect(inUseUntil({ exposures: [ended] }, 2000)).toBe(2000)
  })

  it('counts from when it was served last', () => {
    expect(exposureEnd(ended, 400)).toBe(900)
    expect(exposureEnd(ended, 4000)).toBe(1500)
    expect(exposureEnd(current, 4000)).toBe(4100)
  })
})

/** What the ring must have and has not. */
function brokenLawOf(ring: KeyRing, now = ring.writtenAt): string {
  try {
    assertRing(ring, now)
  } catch (error) {
    if (error instanceof KeyturnError && error.code === 'ring_invariant_broken') return error.message
    throw error
  }
  return 'none'
}

describe('the laws of a ring (R3, R7, R12)', () => {
  const FOREVER = TURNED_AT + 9 * T
  const tombstoneOf = (kid: string) => ({ kid, fate: 'removed' as const, at: MADE_AT })
  const headersBefore = { exposureMs: 1, servedFrom: MADE_AT, servedUntil: TURNED_AT }
  const publishedFor = (ms: number) => ({ publishUntil: TURNED_AT + ms })

  it.each<[string, (ring: KeyRing) => KeyRing, number?]>([
    ['a new ring', newRing],
    ['a ring that has turned', (ring) => ring],
    ['a ring whose clock was set back to before its last activation', (ring) => ring, MADE_AT],
    ['a ring whose next key is not made yet', newRing, TURNED_AT],
    ['a ring that has buried keys', (ring) => ({ ...ring, tombstones: ['a', 'b'].map(tombstoneOf) })],
    [
      'a key that is published just as long as its tokens live',
      (ring) => withKey(ring, 0, publishedFor(policy.timing.maxTtlMs)),
    ],
    [
      'a revoked key without its private half',
      (ring) => withKey(ring, 0, { revokedAt: MADE_AT, privateKey: null }),
    ],
    [
      'a ring that remembers other headers',
      (ring) => ({ ...ring, exposures: [headersBefore, ...ring.exposures] }),
    ],
  ])('hold for %s', (_, soundOf, now) => {
    expect(brokenLawOf(soundOf(turnedRing()), now)).toBe('none')
  })

  it.each<[string, (ring: KeyRing) => KeyRing]>([
    ['exactly one active key', (ring) => ({ ...ring, keys: [] })],
    ['exactly one active key', (ring) => withKey(ring, 0, { signUntil: TURNED_AT + 1 })],
    [
      'at most one next key',
      (ring) => ({ ...ring, keys: [...ring.keys, { ...keyAt(ring, 2), ...newPair(), activateAt: FOREVER }] }),
    ],
    ['the private half of its active key', (ring) => withKey(ring, 1, { privateKey: null })],
    ['the private half of its next key', (ring) => withKey(ring, 2, { privateKey: null })],
    ['no gap between active and next', (ring) => withKey(ring, 2, { activateAt: FOREVER })],
    ['no gap between active and next', (ring) => ({ ...ring, keys: ring.keys.slice(0, 2) })],
    ['every kid once', (ring) => withKey(ring, 0, { kid: keyAt(ring, 1).kid })],
    ['every kid once', (ring) => ({ ...ring, tombstones: [tombstoneOf(keyAt(ring, 0).kid)] })],
    ['its keys in order', (ring) => withKey(ring, 0, { activateAt: TURNED_AT })],
    ['one signer at a time', (ring) => withKey(ring, 1, { activateAt: TURNED_AT - 1 })],
    [
      'one signer at a time',
      (ring) => withKey(ring, 0, { signUntil: null, publishUntil: null, revokedAt: MADE_AT }),
    ],
    ['an open end', (ring) => withKey(ring, 2, { signUntil: FOREVER, publishUntil: FOREVER + T })],
    ['no private half of a revoked key', (ring) => withKey(ring, 0, { revokedAt: MADE_AT })],
    ['an end of publication for each end of signing', (ring) => withKey(ring, 0, { publishUntil: null })],
    ['an end of publication for each end of signing', (ring) => withKey(ring, 2, { publishUntil: FOREVER })],
    [
      'keys published as long as their tokens live',
      (ring) => withKey(ring, 0, publishedFor(policy.timing.maxTtlMs - 1)),
    ],
    ['a record of what is served', (ring) => ({ ...ring, exposures: [] })],
    ['a record of what is served', (ring) => ({ ...ring, exposures: [headersBefore] })],
  ])('demand %s', (law, brokenOf) => {
    expect(brokenLawOf(brokenOf(turnedRing()))).toBe(`the ring must have ${law}`)
  })
})

describe('a ring that another one became (R12, R16)', () => {
  const old = { kid: 'old', fate: 'removed', at: MADE_AT } as const
  const turned = (): KeyRing => ({ ...turnedRing(), tombstones: [old] })
  const written = (ring: KeyRing): KeyRing => ({ ...ring, generation: ring.generation + 1 })
  const revoked = (ring: KeyRing, at = TURNED_AT) => withKey(ring, 0, { revokedAt: at })
  const dropped = (ring: KeyRing): KeyRing => ({ ...ring, keys: ring.keys.slice(1) })
  const removed = (ring: KeyRing): KeyRing => {
    const gone = { kid: keyAt(ring, 0).kid, fate: 'removed', at: TURNED_AT } as const
    return { ...dropped(ring), tombstones: [...ring.tombstones, gone] }
  }

  it.each<[string, (ring: KeyRing) => KeyRing]>([
    ['a write', written],
    ['many writes', (ring) => ({ ...ring, generation: 99 })],
    ['a removal', (ring) => removed(written(ring))],
    ['a revocation', (ring) => revoked(written(ring))],
  ])('follows it after %s', (_, became) => {
    const ring = turned()
    expect(() => assertFollows(ring, became(ring))).not.toThrow()
  })

  it('follows it after a revocation that is as it was, or whose key has gone', () => {
    const ring = revoked(turned())
    expect(() => assertFollows(ring, written(ring))).not.toThrow()
    expect(() => assertFollows(ring, removed(written(ring)))).not.toThrow()
  })

  it.each<[string, (ring: KeyRing) => KeyRing]>([
    ['is another one', (ring) => written({ ...ring, ringId: 'other' })],
    ['was written as often', (ring) => ring],
    ['is an older one', (ring) => ({ ...ring, generation: ring.generation - 1 })],
    ['has forgotten a kid', (ring) => written({ ...ring, tombstones: [] })],
    ['has lost a key', (ring) => dropped(written(ring))],
    ['has a revoked key back', (ring) => written(withKey(ring, 1, { revokedAt: null }))],
    ['has another time of a revocation', (ring) => written(withKey(ring, 1, { revokedAt: TURNED_AT + 1 }))],
  ])('does not where it %s', (_, became) => {
    const ring = withKey(turned(), 1, { revokedAt: TURNED_AT })
    expect(() => assertFollows(ring, became(ring))).toThrow(
      expect.objectContaining({
        code: 'ring_replaced',
        message: 'the store holds no ring, another one, or an older one than this process has',
        remedy: expect.stringContaining('put the right folder back'),
      }),
    )
  })
})
