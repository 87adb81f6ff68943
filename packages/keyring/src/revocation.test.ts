import { describe, expect, it } from 'vitest'
import { revokeKey } from './changes.ts'
import { keysToRevoke, leakedWith, type Revocation, successionOf } from './revocation.ts'
import { keyAt, MADE_AT, newPair, newRing, policy, turnedRing, withKey } from './ring.fixture.ts'
import type { KeyRing } from './ring.ts'
import { leadOf } from './timing.ts'

const TURNED_AT = MADE_AT + policy.timing.rotationIntervalMs
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
