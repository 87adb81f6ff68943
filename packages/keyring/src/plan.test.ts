import { JWK_SET_LIMITS } from '@keyturn/core'
import { describe, expect, it } from 'vitest'
import { addNext, rememberExposure } from './changes.ts'
import {
  applyHousekeeping,
  type Decision,
  isClockBehind,
  isExposureRecorded,
  isRotationOverdue,
  momentOf,
  nextPlanAt,
  plan,
} from './plan.ts'
import { keyAt, MADE_AT, newPair, newRing, policy, turnedRing, withKey } from './ring.fixture.ts'
import type { KeyRing } from './ring.ts'
import { exposureOf, leadOf, propagationOf, type Timing } from './timing.ts'

const { timing } = policy
const T = timing.rotationIntervalMs
const HOUR = 3_600_000
const TURNED_AT = MADE_AT + T
const policyWith = (change: Partial<Timing>) => ({ ...policy, timing: { ...timing, ...change } })
const at = (now: number, wokeAt = MADE_AT) => ({ now, wokeAt, clockTrusted: true })
const kinds = (decisions: readonly Decision[]) => decisions.map(({ kind }) => kind)
const kidsOf = (ring: KeyRing, ...places: number[]) => places.map((place) => keyAt(ring, place).kid)
/** Everything is due in it by a policy with longer lifetimes and headers. */
const neglected = (): KeyRing => ({ ...newRing(), echoes: true })
const longer = policyWith({ maxTtlMs: 2 * HOUR, jwksMaxAgeMs: HOUR })

describe('what is due (R4, R5, R8)', () => {
  it('is nothing in a ring that has all it needs', () => {
    expect(plan(newRing(), policy, at(TURNED_AT - 1))).toEqual([])
    expect(plan(turnedRing(), policy, at(TURNED_AT))).toEqual([])
  })

  it('is all of it at once where nobody looked for long', () => {
    const ring = neglected()
    expect(plan(ring, longer, at(MADE_AT + 2 * T))).toEqual([
      { kind: 'remember-exposure' },
      { kind: 'raise-max-ttl', kids: kidsOf(ring, 1) },
      { kind: 'erase-private-halves', kids: kidsOf(ring, 0) },
      { kind: 'add-next' },
      { kind: 'scrub' },
    ])
  })

  it('is nothing while the clock is in doubt', () => {
    expect(plan(neglected(), longer, { ...at(MADE_AT + 2 * T), clockTrusted: false })).toEqual([])
  })

  it('is a next key from the instant at which the one before begins to sign', () => {
    expect(plan(newRing(), policy, at(TURNED_AT))).toEqual([{ kind: 'add-next' }])
  })

  it('is no next key as long as the set has no room for it', () => {
    const ring = newRing()
    const more = Array.from({ length: JWK_SET_LIMITS.keys - 2 }, () => ({ ...keyAt(ring, 0), ...newPair() }))
    const crowd = (count: number) => ({ ...ring, keys: [...more.slice(0, count), ...ring.keys] })
    expect(kinds(plan(crowd(JWK_SET_LIMITS.keys - 3), policy, at(TURNED_AT)))).toContain('add-next')
    expect(kinds(plan(crowd(JWK_SET_LIMITS.keys - 2), policy, at(TURNED_AT)))).not.toContain('add-next')
  })

  it('is not there twice because the clock runs a little behind the last write', () => {
    expect(plan(newRing(), policy, at(MADE_AT - 1))).toEqual([])
  })

  it('is a private half once every signer knows of the successor, and never that of another key', () => {
    const ring = turnedRing()
    const erasedAt = TURNED_AT + propagationOf(timing)
    expect(plan(ring, policy, at(erasedAt - 1))).toEqual([])
    const due: readonly Decision[] = [{ kind: 'erase-private-halves', kids: kidsOf(ring, 0) }]
    expect(plan(ring, policy, at(erasedAt))).toEqual(due)
    expect(plan(applyHousekeeping(ring, due, policy, erasedAt), policy, at(erasedAt))).toEqual([])
  })

  it('is a longer lifetime of tokens, for the keys that sign or will', () => {
    const ring = turnedRing()
    const kids = kidsOf(ring, 1, 2)
    expect(plan(ring, policyWith({ maxTtlMs: HOUR + 1000 }), at(TURNED_AT))).toEqual([
      { kind: 'raise-max-ttl', kids },
    ])
    expect(plan(ring, policyWith({ maxTtlMs: HOUR - 1000 }), at(TURNED_AT))).toEqual([])
  })
})

describe('what the ring knows of cache headers (R6)', () => {
  const headersOf = (jwksMaxAgeMs: number) => policyWith({ jwksMaxAgeMs })
  const { jwksMaxAgeMs } = timing

  it('is due at once where they are longer than those it knows', () => {
    expect(kinds(plan(newRing(), headersOf(jwksMaxAgeMs + 1), at(MADE_AT)))).toEqual(['remember-exposure'])
    expect(kinds(plan({ ...newRing(), exposures: [] }, policy, at(MADE_AT)))).toEqual(['remember-exposure'])
  })

  it('is due where they are shorter, once, to whoever started since', () => {
    const shorter = headersOf(jwksMaxAgeMs - 1)
    expect(plan(newRing(), shorter, at(MADE_AT + 1, MADE_AT))).toEqual([])
    expect(kinds(plan(newRing(), shorter, at(MADE_AT + 1, MADE_AT + 1)))).toEqual(['remember-exposure'])
    expect(plan(newRing(), policy, at(MADE_AT + 1, MADE_AT + 1))).toEqual([])
  })

  it('is enough to serve them where it was written for the same or for longer ones', () => {
    expect(isExposureRecorded(newRing(), headersOf(jwksMaxAgeMs - 1))).toBe(true)
    expect(isExposureRecorded(newRing(), policy)).toBe(true)
    expect(isExposureRecorded(newRing(), headersOf(jwksMaxAgeMs + 1))).toBe(false)
    expect(isExposureRecorded({ ...newRing(), exposures: [] }, policy)).toBe(false)
  })
})

describe('the moment at which a clock was looked at (R8)', () => {
  const look = { now: MADE_AT, wokeAt: 7, trusted: true, jumpedByMs: 0 }
  const tolerated = 2 * timing.clockSkewMs

  it('is trusted where the clock is, and is not behind the ring', () => {
    expect(momentOf(newRing(), look, timing)).toEqual({ now: MADE_AT, wokeAt: 7, clockTrusted: true })
    const behind = { ...look, now: MADE_AT - tolerated - 1 }
    expect(momentOf(newRing(), behind, timing)).toMatchObject({ now: behind.now, clockTrusted: false })
    expect(momentOf(newRing(), { ...look, trusted: false }, timing).clockTrusted).toBe(false)
  })

  it('may be as far behind the last write as clocks may be apart', () => {
    expect(isClockBehind(newRing(), MADE_AT - tolerated, timing)).toBe(false)
    expect(isClockBehind(newRing(), MADE_AT - tolerated - 1, timing)).toBe(true)
  })
})

describe('when to look again (R9)', () => {
  it('is when a key begins to sign', () => {
    expect(nextPlanAt(newRing(), policy, MADE_AT)).toBe(TURNED_AT)
    expect(nextPlanAt(newRing(), policy, TURNED_AT - 1)).toBe(TURNED_AT)
  })

  it('is when a private half may go, as long as it is there, and then when its key does', () => {
    const ring = turnedRing()
    const erasedAt = TURNED_AT + propagationOf(timing)
    const gone = withKey(ring, 0, { privateKey: null })
    expect(nextPlanAt(ring, policy, TURNED_AT)).toBe(erasedAt)
    expect(nextPlanAt(ring, policy, erasedAt)).toBe(keyAt(ring, 0).publishUntil)
    expect(nextPlanAt(gone, policy, TURNED_AT)).toBe(keyAt(ring, 0).publishUntil)
  })

  it('is never where nothing can change by itself', () => {
    const ring = newRing()
    const alone = withKey({ ...ring, keys: ring.keys.slice(0, 1) }, 0, {
      signUntil: null,
      publishUntil: null,
    })
    expect(nextPlanAt(alone, policy, MADE_AT)).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('housekeeping (R6, R7, R8)', () => {
  it('does each thing that was decided and needs no key, to the keys that it was decided for', () => {
    const ring = turnedRing()
    const decisions: readonly Decision[] = [
      { kind: 'erase-private-halves', kids: kidsOf(ring, 0) },
      { kind: 'raise-max-ttl', kids: kidsOf(ring, 1) },
      { kind: 'remember-exposure' },
      { kind: 'add-next' },
      { kind: 'scrub' },
    ]
    const kept = applyHousekeeping(ring, decisions, longer, TURNED_AT + 1)
    expect(kept.keys.map(({ privateKey }) => privateKey !== null)).toEqual([false, true, true])
    expect(kept.keys.map(({ maxTtlSeconds }) => maxTtlSeconds)).toEqual([3600, 7200, 3600])
    expect(kept.exposures.at(-1)).toMatchObject({
      exposureMs: exposureOf(longer.timing),
      servedFrom: TURNED_AT + 1,
    })
  })

  it('leaves alone what was not decided', () => {
    const ring = turnedRing()
    expect(applyHousekeeping(ring, [{ kind: 'add-next' }], longer, TURNED_AT)).toEqual(ring)
  })

  it('gives another ring also where it is the same, so that it is written once more', () => {
    const ring = turnedRing()
    expect(applyHousekeeping(ring, [{ kind: 'scrub' }], policy, TURNED_AT)).not.toBe(ring)
  })
})

describe('an overdue rotation (R9, R51)', () => {
  const LEAD = leadOf(timing)
  /** The spare signs since T, and there is none after it. */
  const spareless = newRing
  /** The first moment at which a next key would come too late. */
  const LATE = MADE_AT + 2 * T - LEAD + 1
  const isOverdue = (ring: KeyRing, now: number, wokeAt = MADE_AT) =>
    isRotationOverdue(ring, policy, { now, wokeAt })

  it('is one whose next key would come too late, were it made now', () => {
    expect(isOverdue(spareless(), TURNED_AT)).toBe(false)
    expect(isOverdue(spareless(), LATE - 1)).toBe(false)
    expect(isOverdue(spareless(), LATE)).toBe(true)
  })

  it('is none as long as there is a next key, however late that one will sign', () => {
    const late = addNext(spareless(), newPair(), policy, at(MADE_AT + 3 * T))
    expect(isOverdue(late, MADE_AT + 3 * T)).toBe(false)
    expect(isOverdue(spareless(), MADE_AT + 3 * T)).toBe(true)
  })

  it('goes by the longest cache headers that were served', () => {
    const ring = rememberExposure(
      spareless(),
      { ...timing, jwksMaxAgeMs: timing.jwksMaxAgeMs + HOUR },
      MADE_AT,
    )
    expect(isOverdue(ring, LATE - HOUR - 1)).toBe(false)
    expect(isOverdue(ring, LATE - HOUR)).toBe(true)
  })

  it('is none yet where the process slept through it and has just woken up', () => {
    const wokeAt = MADE_AT + 10 * T
    expect(isOverdue(spareless(), wokeAt + 2 * LEAD, wokeAt)).toBe(false)
    expect(isOverdue(spareless(), wokeAt + 2 * LEAD + 1, wokeAt)).toBe(true)
  })
})
