import { describe, expect, it } from 'vitest'
import { stateOf } from './key-record.ts'
import { keyAt, newRing } from './ring.fixture.ts'

const newKey = () => ({ ...keyAt(newRing(), 0), activateAt: 10, signUntil: 20, publishUntil: 30 })

describe('the state of a key (R3, R4)', () => {
  it.each([
    [9, 'next'],
    [10, 'active'],
    [19, 'active'],
    [20, 'retired'],
    [29, 'retired'],
    [30, 'removed'],
  ])('follows from its times: at %d it is %s', (now, state) => {
    expect(stateOf(newKey(), now)).toBe(state)
  })

  it('is active for as long as it has no successor', () => {
    expect(stateOf({ ...newKey(), signUntil: null, publishUntil: null }, 1e15)).toBe('active')
  })

  it('is retired for as long as no end of it is fixed', () => {
    expect(stateOf({ ...newKey(), publishUntil: null }, 1e15)).toBe('retired')
  })

  it.each([9, 10, 20, 30])('is revoked at %d too, once it was revoked', (now) => {
    expect(stateOf({ ...newKey(), revokedAt: 15 }, now)).toBe('revoked')
  })
})
