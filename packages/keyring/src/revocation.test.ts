import { describe, expect, it } from 'vitest'
import { nextGeneration } from './changes.ts'
import type { KeyPair } from './key-pair.ts'
import { keysToRevoke, leakedWith, type Revocation, revokeKey, successionOf } from './revocation.ts'
import { keyAt, MADE_AT, newPair, newRing, policy, turnedRing, withKey } from './ring.fixture.ts'
import { assertFollows, assertRing, type KeyRing } from './ring.ts'
import { graceOf, leadOf } from './timing.ts'

const HOUR = 3_600_000
const T = policy.timing.rotationIntervalMs
const TURNED_AT = MADE_AT + T
const GRACE = graceOf(policy.timing)
const placesOf = (ring: KeyRing, kid: string, leakedKids: readonly string[] = []) =>
  keysToRevoke(ring, { kid, leakedKids }).map((key) => ring.keys.indexOf(key))

describe('the keys that leaked with a store (R13)', () => {
  it('are those whose private halves it holds', () => {
    const ring = withKey(turnedRing(), 0, { privateKey: null })
    expect(leakedWith(ring)).toEqual([keyAt(ring, 1).kid, keyAt(ring, 2).kid])
  })
})

describe('the keys that a revocation takes out of use (R13)', () => {
  it('are the one that is asked for', () => {
    const ring = turnedRing()
    expect(placesOf(ring, keyAt(ring, 1).kid)).toEqual([1])
  })

  it('are that one first and then those that leaked, once each', () => {
    const ring = turnedRing()
    const kids = ring.keys.map(({ kid }) => kid)
    expect(placesOf(ring, keyAt(ring, 2).kid, kids)).toEqual([2, 0, 1])
    expect(placesOf(ring, keyAt(ring, 2).kid, kids.slice(0, 1))).toEqual([2, 0])
  })

  it('are none that were revoked before, or are gone', () => {
    const ring = withKey(turnedRing(), 0, { revokedAt: TURNED_AT })
    expect(placesOf(ring, keyAt(ring, 1).kid, [keyAt(ring, 0).kid, 'gone'])).toEqual([1])
  })

  it('are none of a kid that the ring never had', () => {
    expect(() => placesOf(turnedRing(), 'none')).toThrow(
      expect.objectContaining({
        code: 'key_not_found',
        message: 'the ring never had such a key',
        remedy: 'see: keyturn keys list',
      }),
    )
  })

  it('are none of a key that is out of use, which is said with how it went, whatever leaked', () => {
    const revoked = withKey(turnedRing(), 0, { revokedAt: TURNED_AT })
    const tombstones = [
      { kid: 'old', fate: 'removed', at: MADE_AT },
      { kid: 'bad', fate: 'revoked', at: MADE_AT },
    ] as const
    const remedy = expect.stringContaining('name a key that is in use')
    const already = { code: 'key_already_revoked', message: 'that key is revoked already', remedy }
    const removed = { code: 'key_removed', message: expect.stringContaining('has left the ring'), remedy }
    const leaked = [keyAt(revoked, 1).kid]
    for (const [kid, refusal] of [
      [keyAt(revoked, 0).kid, already],
      ['bad', already],
      ['old', removed],
    ] as const) {
      expect(() => placesOf({ ...revoked, tombstones }, kid, leaked)).toThrow(
        expect.objectContaining(refusal),
      )
    }
  })
})

/** The ring after the revocation of the key at a place. */
function revoke(
  ring: KeyRing,
  place: number,
  { leakedKids = [], replacement }: { leakedKids?: readonly string[]; replacement?: KeyPair } = {},
  now = TURNED_AT + HOUR,
): KeyRing {
  const asked = { kid: keyAt(ring, place).kid, reason: 'leaked', leakedKids, replacement }
  const after = nextGeneration(ring, revokeKey(ring, asked, policy, now) ?? ring, {
    now,
    wokeAt: MADE_AT,
    clockTrusted: true,
  })
  assertRing(after, now)
  assertFollows(ring, after)
  return after
}

describe('a revoked key (R13)', () => {
  const NOW = TURNED_AT + HOUR
  const gone = { privateKey: null, revokedAt: NOW, revokedReason: 'leaked' }
  const endsNow = { signUntil: NOW, publishUntil: NOW + GRACE }

  it('that signed gives way to the spare at once', () => {
    const ring = turnedRing()
    const after = revoke(ring, 1)
    expect(after.keys).toEqual([
      ring.keys[0],
      { ...ring.keys[1], ...gone, ...endsNow },
      { ...ring.keys[2], activateAt: NOW },
    ])
    expect(after.tombstones).toEqual([])
  })

  it('that signed gives way to the spare also where there is a replacement, which verifiers do not know', () => {
    const ring = turnedRing()
    expect(revoke(ring, 1, { replacement: newPair() }).keys).toHaveLength(3)
  })

  it('that was to sign is forgotten but for its kid; who signs goes on', () => {
    const ring = turnedRing()
    const after = revoke(ring, 2)
    expect(after.keys).toEqual([ring.keys[0], { ...ring.keys[1], signUntil: null, publishUntil: null }])
    expect(after.tombstones).toEqual([{ kid: keyAt(ring, 2).kid, fate: 'revoked', at: NOW }])
  })

  it('that has signed before changes nothing for who signs and who will', () => {
    const ring = turnedRing()
    expect(revoke(ring, 0).keys).toEqual([{ ...ring.keys[0], ...gone }, ring.keys[1], ring.keys[2]])
  })

  it('gives way to a replacement where there is no spare, in an emergency', () => {
    const ring = newRing()
    const replacement = newPair()
    const { keys } = revoke(ring, 1, { replacement })
    expect(keys).toEqual([
      ring.keys[0],
      { ...ring.keys[1], ...gone, ...endsNow },
      expect.objectContaining({
        ...replacement,
        origin: 'emergency',
        createdAt: NOW,
        publishedAt: NOW,
        signableAt: NOW,
        activateAt: NOW,
        signUntil: null,
      }),
    ])
  })

  it('stays where neither a spare nor a replacement could sign', () => {
    const ring = newRing()
    const asked = { kid: keyAt(ring, 1).kid, reason: 'leaked', leakedKids: [], replacement: undefined }
    expect(revokeKey(ring, asked, policy, NOW)).toBeUndefined()
  })

  it('takes along those that leaked with it', () => {
    const ring = turnedRing()
    const after = revoke(ring, 1, { leakedKids: [keyAt(ring, 2).kid], replacement: newPair() })
    expect(after.keys.map(({ revokedAt }) => revokedAt)).toEqual([null, NOW, null])
    expect(after.tombstones).toMatchObject([{ kid: keyAt(ring, 2).kid, fate: 'revoked' }])
  })

  it('that begins to sign at that instant has not signed yet; nothing changes for the one before', () => {
    const ring = withKey(turnedRing(), 0, { publishUntil: TURNED_AT + 9 * T })
    const after = revoke(ring, 1, {}, TURNED_AT)
    expect(after.keys).toEqual([ring.keys[0], { ...ring.keys[2], activateAt: TURNED_AT }])
    expect(after.tombstones).toMatchObject([{ kid: keyAt(ring, 1).kid, fate: 'revoked' }])
  })

  it('leaves the kids alone that were buried before', () => {
    const buried = { kid: 'old', fate: 'removed', at: MADE_AT } as const
    expect(revoke({ ...turnedRing(), tombstones: [buried] }, 2).tombstones).toHaveLength(2)
  })

  it('goes after the last write, whatever a clock says that is behind', () => {
    expect(revoke(turnedRing(), 1, {}, TURNED_AT - 1).writtenAt).toBe(TURNED_AT)
  })
})

describe('who signs after a revocation (R13, R50)', () => {
  const succession = (ring: KeyRing, place: number, now: number, also: Partial<Revocation> = {}) => {
    const asked = {
      kid: keyAt(ring, place).kid,
      reason: 'leaked',
      leakedKids: [],
      replacement: undefined,
    }
    const after = { ...(revokeKey(ring, { ...asked, ...also }, policy, now) ?? ring), writtenAt: now }
    return { ...successionOf(ring, after), after }
  }

  it('is the spare, early where its lead has not passed', () => {
    const signableAt = TURNED_AT + leadOf(policy.timing)
    for (const [now, early] of [
      [signableAt - 1, true],
      [signableAt, false],
    ] as const) {
      const ring = turnedRing()
      const { kid } = keyAt(ring, 2)
      expect(succession(ring, 1, now)).toMatchObject({ activeKid: kid, early })
    }
  })

  it('is an emergency key, always early', () => {
    const replacement = newPair()
    const outcome = succession(newRing(), 1, TURNED_AT + 1, { replacement })
    expect(outcome).toMatchObject({ activeKid: replacement.kid, early: true })
  })

  it('is whoever signed before, not early because of this, where another key was revoked', () => {
    const ring = turnedRing()
    const { after } = succession(ring, 1, TURNED_AT + 1)
    const signer = keyAt(ring, 2).kid
    expect(succession(after, 0, TURNED_AT + 2)).toMatchObject({ activeKid: signer, early: false })
  })

  it('is not early again because an emergency key signs on', () => {
    const { after, activeKid } = succession(newRing(), 1, TURNED_AT + 1, { replacement: newPair() })
    expect(succession(after, 0, TURNED_AT + 2)).toMatchObject({ activeKid, early: false })
  })
})
