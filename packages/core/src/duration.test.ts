import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatDuration, parseDuration } from './duration.ts'
import { outcomeOf } from './issuer.fixture.ts'

describe('durations (R54)', () => {
  it.each([
    ['0', 0],
    ['0s', 0],
    ['500ms', 500],
    ['0.2s', 200],
    ['15s', 15_000],
    ['1.5m', 90_000],
    ['1.001m', 60_060],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
  ])('reads %s as %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  it.each([
    '',
    '15',
    '-1s',
    '+1s',
    '1 s',
    ' 1s',
    '1s ',
    '1s\n',
    '1S',
    '1w',
    '1y',
    '1e3s',
    '0x10s',
    '.5s',
    '1.s',
    '1.2345s',
    '1,5s',
    '1h30m',
    'Infinitys',
    'NaNs',
    '١s',
    '999999999999d',
    '9999999999999ms',
    's',
  ])('refuses %j', (text) => {
    expect(outcomeOf(() => parseDuration(text))).toBe('duration_malformed')
  })

  it('reads back what it writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999_999_999 }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms)
      }),
    )
  })

  it.each([
    [0, '0s'],
    [1, '1ms'],
    [1500, '1500ms'],
    [60_000, '1m'],
    [61_000, '61s'],
    [900_000, '15m'],
    [86_400_000, '1d'],
    [90_000_000, '25h'],
  ])('writes %d ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })
})
