import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CircuitBreaker } from './circuit-breaker.ts'

describe('JWKSFetchError: an endpoint that fails is left alone (R37)', () => {
  it('for up to a second at first, then for up to twice as long each time, and thirty seconds at most', () => {
    const breaker = new CircuitBreaker(() => 1)
    const waits = Array.from({ length: 7 }, () => breaker.noteFailure(0))
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
    expect(breaker.failures).toBe(7)
  })

  it('with full jitter, but never for less than a tenth of a second', () => {
    expect(new CircuitBreaker(() => 0).noteFailure(0)).toBe(100)
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(40), (random, failures) => {
        const breaker = new CircuitBreaker(() => random)
        for (let count = 0; count < failures; count++) breaker.noteFailure(0)
        const waitMs = breaker.noteFailure(0)
        expect(waitMs).toBe(Math.max(100, Math.min(1000 * 2 ** failures, 30_000) * random))
      }),
    )
  })

  it('opens with a failure, lets one find out when its time has come, and closes with an answer', () => {
    const breaker = new CircuitBreaker(() => 1)
    expect([breaker.stateAt(0), breaker.waitMs(0)]).toEqual(['closed', 0])
    breaker.noteFailure(0)
    expect([breaker.stateAt(999), breaker.waitMs(999)]).toEqual(['open', 1])
    expect([breaker.stateAt(1000), breaker.waitMs(1000)]).toEqual(['half-open', 0])
    breaker.noteFailure(1000)
    expect([breaker.stateAt(1000), breaker.waitMs(1000)]).toEqual(['open', 2000])
    breaker.noteSuccess()
    expect([breaker.stateAt(1000), breaker.failures]).toEqual(['closed', 0])
    expect(breaker.noteFailure(2000)).toBe(1000)
  })
})
