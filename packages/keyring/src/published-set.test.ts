import { describe, expect, it } from 'vitest'
import type { KeyManager } from './manager.ts'
import { openManager } from './open-manager.fixture.ts'
import { PublishedSets, publishedSet, publishesTheSame } from './published-set.ts'
import { keyAt, MADE_AT, newRing, policy, turnedRing, withKey } from './ring.fixture.ts'
import type { KeyRing } from './ring.ts'
import { graceOf, propagationOf } from './timing.ts'

const { timing } = policy
const T = timing.rotationIntervalMs
const TURNED_AT = MADE_AT + T
/** When the first key of a ring that has turned goes. */
const ENDS_AT = TURNED_AT + graceOf(timing)
const erased = () => withKey(turnedRing(), 0, { privateKey: null })
const kidsIn = (document: { readonly keys: readonly { readonly kid: string }[] }) =>
  document.keys.map(({ kid }) => kid)
const kidsOf = (ring: KeyRing) => ring.keys.map(({ kid }) => kid)
const editionOf = (keys: KeyManager) => {
  const { keyturn, ...content } = keys.publicJwks()
  return { ...content, version: keyturn?.version, nextActivation: keyturn?.next_activation }
}

describe('the version of the published set (R12)', () => {
  it('grows when the end of a key is shown, which is a write after the key has signed', async () => {
    const { keys, advance } = await openManager()
    await advance(T)
    const before = editionOf(keys)
    await advance(propagationOf(timing))
    const after = editionOf(keys)
    expect(before.keys[0]?.exp).toBeUndefined()
    expect(after.keys[0]?.exp).toBeTypeOf('number')
    expect(after.version).toBeGreaterThan(before.version ?? Infinity)
  })

  it('stays when a longer lifetime is promised, of which the set says nothing yet', async () => {
    const { keys, reopen } = await openManager()
    await keys.close()
    const again = await reopen({
      policy: { ...policy, timing: { ...timing, maxTtlMs: 2 * timing.maxTtlMs } },
    })
    expect(again.ring().generation).toBeGreaterThan(keys.ring().generation)
    expect(again.publicJwks()).toEqual(keys.publicJwks())
  })

  it('stays when time alone changes the set: a key begins to sign', async () => {
    const { keys, store, advance } = await openManager()
    const before = editionOf(keys)
    store.save = () => Promise.reject(new Error('disk full'))
    await advance(T)
    expect(editionOf(keys)).toMatchObject({ version: before.version, nextActivation: undefined })
    expect(before.nextActivation).toBeTypeOf('number')
  })

  it('grows when an activation is brought forward', async () => {
    const { keys } = await openManager()
    const before = editionOf(keys)
    await keys.rotate()
    expect(editionOf(keys).version).toBeGreaterThan(before.version ?? Infinity)
  })
})

describe('the published set (R29)', () => {
  it('says of its keys what verifiers need, and when the next one is going to sign', () => {
    const ring = newRing()
    const [first, second] = ring.keys
    const publicHalf = { alg: 'EdDSA', use: 'sig' }
    expect(publishedSet(ring, MADE_AT).document).toEqual({
      keys: [
        { ...first?.publicJwk, ...publicHalf, kid: first?.kid },
        { ...second?.publicJwk, ...publicHalf, kid: second?.kid },
      ],
      keyturn: { ring: 'ring', version: 1, next_activation: TURNED_AT / 1000 },
    })
  })

  it('names no next activation where there is no next key', () => {
    expect(publishedSet(newRing(), TURNED_AT).document.keyturn).toEqual({ ring: 'ring', version: 1 })
  })

  it('rounds no time down: a verifier that is early would be wrong', () => {
    const late = withKey(erased(), 0, { publishUntil: ENDS_AT + 1 })
    const { keys, keyturn } = publishedSet(
      withKey(late, 2, { activateAt: TURNED_AT + T + 1 }),
      TURNED_AT,
    ).document
    expect(keys[0]?.exp).toBe(ENDS_AT / 1000 + 1)
    expect(keyturn?.next_activation).toBe((TURNED_AT + T) / 1000 + 1)
  })

  it('shows the end of a key where it has one and its private half is gone', () => {
    const endsOf = (ring: KeyRing) => publishedSet(ring, TURNED_AT).document.keys.map(({ exp }) => exp)
    expect(endsOf(turnedRing())).toEqual([undefined, undefined, undefined])
    expect(endsOf(erased())).toEqual([ENDS_AT / 1000, undefined, undefined])
    expect(endsOf(withKey(erased(), 0, { publishUntil: null }))).toEqual([undefined, undefined, undefined])
  })

  it('holds a key up to its end, and in doubt beyond it, but never a revoked one', () => {
    const ring = turnedRing()
    const [first, ...others] = kidsOf(ring)
    expect(kidsIn(publishedSet(ring, ENDS_AT - 1).document)).toEqual([first, ...others])
    expect(kidsIn(publishedSet(ring, ENDS_AT).document)).toEqual(others)
    expect(kidsIn(publishedSet(ring, ENDS_AT, true).document)).toEqual([first, ...others])
    const revoked = withKey(ring, 0, { revokedAt: TURNED_AT })
    expect(kidsIn(publishedSet(revoked, ENDS_AT, true).document)).toEqual(others)
  })

  it('is the same between two instants at which a key begins to sign, or goes', () => {
    const between = (now: number) => {
      const { changedAt, changesAt } = publishedSet(turnedRing(), now)
      return [changedAt, changesAt]
    }
    expect(between(TURNED_AT)).toEqual([TURNED_AT, ENDS_AT])
    expect(between(ENDS_AT - 1)).toEqual([TURNED_AT, ENDS_AT])
    expect(between(ENDS_AT)).toEqual([ENDS_AT, TURNED_AT + T])
  })

  it('is never older than the last write', () => {
    expect(publishedSet(turnedRing(), MADE_AT)).toMatchObject({ changedAt: TURNED_AT, changesAt: ENDS_AT })
  })

  it('is a value that nobody can change', () => {
    const set = publishedSet(newRing(), MADE_AT)
    expect([set, set.document, set.document.keys, set.document.keyturn].every(Object.isFrozen)).toBe(true)
  })

  it('is compared but for its version, and for keys that have ended', () => {
    const ring = turnedRing()
    const rid = { ...ring, keys: ring.keys.slice(1) }
    expect(publishesTheSame(ring, rid, ENDS_AT - 1)).toBe(false)
    expect(publishesTheSame(ring, rid, ENDS_AT)).toBe(true)
    expect(publishesTheSame(ring, { ...ring, publishedVersion: 9 }, TURNED_AT)).toBe(true)
    expect(publishesTheSame(ring, withKey(ring, 0, { privateKey: null }), TURNED_AT)).toBe(false)
    expect(publishesTheSame(ring, withKey(ring, 2, { activateAt: TURNED_AT + 1 }), TURNED_AT)).toBe(false)
  })
})

describe('the set that is read (R11, R29)', () => {
  /** A ring that counts how often somebody goes through its keys. */
  const countedRing = () => {
    const ring = turnedRing()
    const counted = { ...ring, reads: 0 }
    Object.defineProperty(counted, 'keys', {
      get: () => {
        counted.reads += 1
        return ring.keys
      },
    })
    return counted
  }

  it('is written down once, as long as it is current', () => {
    const sets = new PublishedSets()
    const ring = countedRing()
    const document = sets.at(ring, TURNED_AT)
    const { reads } = ring
    expect(sets.at(ring, TURNED_AT)).toBe(document)
    expect(sets.at(ring, ENDS_AT - 1)).toBe(document)
    expect(ring.reads).toBe(reads)
  })

  it('is another one from the instant at which a key goes', () => {
    const sets = new PublishedSets()
    const ring = turnedRing()
    expect(kidsIn(sets.at(ring, ENDS_AT - 1))).toEqual(kidsOf(ring))
    expect(kidsIn(sets.at(ring, ENDS_AT))).toEqual(kidsOf(ring).slice(1))
  })

  it('is that of the time before, once a clock that was ahead is put right', () => {
    const sets = new PublishedSets()
    const ring = turnedRing()
    sets.at(ring, ENDS_AT)
    expect(kidsIn(sets.at(ring, ENDS_AT - 1))).toEqual(kidsOf(ring))
  })

  it('holds what has ended as long as the clock is in doubt, and no longer', () => {
    const sets = new PublishedSets()
    const ring = turnedRing()
    const inDoubt = [false, true, false].map((isInDoubt) => kidsIn(sets.at(ring, ENDS_AT, isInDoubt)).length)
    expect(inDoubt).toEqual([2, 3, 2])
  })

  it('is the same object through a write that changes nothing for verifiers, and only then', () => {
    const sets = new PublishedSets()
    const ring = turnedRing()
    const document = sets.at(ring, TURNED_AT)
    expect(sets.at({ ...ring, generation: 9 }, TURNED_AT)).toBe(document)
    const after = sets.at({ ...ring, generation: 10, publishedVersion: 10 }, TURNED_AT)
    expect(after).not.toBe(document)
    expect(after.keyturn?.version).toBe(10)
  })

  it('is that of the ring that is asked about', () => {
    const sets = new PublishedSets()
    const [one, other] = [turnedRing(), turnedRing()]
    expect(kidsIn(sets.at(one, TURNED_AT))).toContain(keyAt(one, 0).kid)
    expect(kidsIn(sets.at(other, TURNED_AT))).toEqual(kidsOf(other))
  })
})
