import { describe, expect, it } from 'vitest'
import { isTime, withTimes } from './rfc3339.ts'

describe('withTimes', () => {
  it('writes out what is named as a time, however deep, and leaves the rest', () => {
    const told = {
      at: 0,
      list: [{ activateAt: 1000, signUntil: null, seq: 7 }],
      ageMs: 5,
      flat: 1,
      lastFailure: { at: 2000 },
    }
    expect(withTimes(told)).toEqual({
      at: '1970-01-01T00:00:00.000Z',
      list: [{ activateAt: '1970-01-01T00:00:01.000Z', signUntil: null, seq: 7 }],
      ageMs: 5,
      flat: 1,
      lastFailure: { at: '1970-01-01T00:00:02.000Z' },
    })
  })

  it('leaves what can be no time as it is', () => {
    const odd = { at: 1e300, createdAt: 'never', until: 7, signUntil: Number.NaN }
    expect(withTimes(odd)).toEqual(odd)
    expect([8.64e15, 8.64e15 + 1, '0', null].map(isTime)).toEqual([true, false, false, false])
  })
})
