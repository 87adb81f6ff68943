import { describe, expect, it } from 'vitest'
import { describeRotation, earliestActivation, hastenNext, type RotationRequest } from './manual-rotation.ts'
import { keyAt, MADE_AT, policy, turnedRing, withKey } from './ring.fixture.ts'
import { graceOf, leadOf } from './timing.ts'

const TURNED_AT = MADE_AT + policy.timing.rotationIntervalMs
/** The next key may sign from then on. */
const SIGNABLE_AT = TURNED_AT + leadOf(policy.timing)
const WITHIN = 1000
const ask = (now: number, request: Partial<RotationRequest> = {}) => {
  const ring = turnedRing()
  const { next, activateAt } = earliestActivation(ring, now, {
    withinMs: WITHIN,
    clockTrusted: true,
    ...request,
  })
  return { activateAt, isNext: next === ring.keys[2] }
}

describe('a rotation that an operator asks for (R6)', () => {
  it('happens as soon as every signer knows, once the lead has passed by then', () => {
    expect(ask(SIGNABLE_AT - WITHIN)).toEqual({ activateAt: SIGNABLE_AT, isNext: true })
    expect(ask(SIGNABLE_AT + 7)).toEqual({ activateAt: SIGNABLE_AT + 7 + WITHIN, isNext: true })
  })

  it('is refused before that, with the earliest time and how to book it', () => {
    const earliest = new Date(SIGNABLE_AT).toISOString()
    expect(() => ask(SIGNABLE_AT - WITHIN - 1)).toThrow(
      expect.objectContaining({
        code: 'rotation_too_early',
        message: expect.stringContaining('has not been published for its lead'),
        remedy: `wait until ${earliest}, or book that time with --queue`,
      }),
    )
    expect(() => ask(TURNED_AT, { queue: false, force: false })).toThrow(
      expect.objectContaining({ code: 'rotation_too_early' }),
    )
  })

  it('is booked for that time, or forced', () => {
    expect(ask(TURNED_AT, { queue: true })).toEqual({ activateAt: SIGNABLE_AT, isNext: true })
    expect(ask(TURNED_AT, { force: true })).toEqual({ activateAt: TURNED_AT + WITHIN, isNext: true })
  })

  it('is as good as asked for where it is booked for the earliest time', () => {
    const booked = withKey(turnedRing(), 2, { activateAt: SIGNABLE_AT })
    const request = { withinMs: WITHIN, clockTrusted: true }
    expect(earliestActivation(booked, TURNED_AT, request).activateAt).toBe(SIGNABLE_AT)
    const later = withKey(turnedRing(), 2, { activateAt: SIGNABLE_AT + 1 })
    expect(() => earliestActivation(later, TURNED_AT, request)).toThrow('published for its lead')
  })

  it('is booked for no later than it can be had', () => {
    expect(ask(SIGNABLE_AT, { queue: true }).activateAt).toBe(SIGNABLE_AT + WITHIN)
  })

  it.each([{}, { queue: true }, { force: true }])('waits for a clock that is in doubt: %o', (urgency) => {
    expect(() => ask(SIGNABLE_AT, { ...urgency, clockTrusted: false })).toThrow(
      expect.objectContaining({
        code: 'clock_in_doubt',
        message: expect.stringContaining('the clock was set'),
        remedy: expect.stringContaining('put the clock right'),
      }),
    )
  })

  it('needs a next key', () => {
    expect(() => ask(keyAt(turnedRing(), 2).activateAt, { force: true })).toThrow(
      expect.objectContaining({
        code: 'no_next_key',
        message: 'there is no next key to activate',
        remedy: 'see: keyturn keys list',
      }),
    )
  })
})

describe('what an operator is told of a rotation (R6)', () => {
  it('is who signs, from when, who did and who will', () => {
    const ring = turnedRing()
    const [first, second, third] = ring.keys
    expect(describeRotation(ring, second?.kid ?? '')).toEqual({
      activeKid: second?.kid,
      previousKid: first?.kid,
      nextKid: third?.kid,
      activateAt: TURNED_AT,
    })
  })

  it('names no key that is not made yet, nor one that is gone', () => {
    const ring = turnedRing()
    const [first, , third] = ring.keys
    expect(describeRotation(ring, third?.kid ?? '').nextKid).toBeNull()
    expect(describeRotation(ring, first?.kid ?? '').previousKid).toBe(first?.kid)
  })
})

describe('an activation that is brought forward (R6)', () => {
  it('ends the active key then, and moves nothing else', () => {
    const ring = turnedRing()
    const soon = TURNED_AT + 3_600_000
    const { keys } = hastenNext(ring, soon, policy, TURNED_AT - 1)
    expect(keys).toEqual([
      ring.keys[0],
      { ...ring.keys[1], signUntil: soon, publishUntil: soon + graceOf(policy.timing) },
      { ...ring.keys[2], activateAt: soon },
    ])
  })
})
