import { describe, expect, it } from 'vitest'
import { fuzz } from './fuzz.ts'
import { fuzzKeySets } from './fuzz-key-sets.ts'
import { MUTATIONS } from './hostile-inputs.ts'

describe('200,000 inputs that anyone may have chosen (R27, R42)', () => {
  it('are all refused, each with a code, save those that came out as they were', async () => {
    const { inputs, refusals, unchanged, faults } = await fuzz({ from: 1, count: 200_000 })
    expect(faults).toEqual([])
    const refused = Object.values(refusals).reduce((sum, count) => sum + count, 0)
    expect(refused + unchanged).toBe(inputs)
    // chance seldom changes nothing
    expect(unchanged).toBeLessThan(inputs / Object.keys(MUTATIONS).length)
    // and gets behind every door
    expect(Object.keys(refusals)).toEqual(
      expect.arrayContaining([
        ...['token_not_a_string', 'token_malformed', 'token_not_canonical', 'header_malformed'],
        ...['header_alg_refused', 'header_kid_refused', 'header_typ_refused', 'header_crit_refused'],
        ...['key_unknown', 'key_alg_mismatch', 'signature_length', 'signature_invalid'],
      ]),
    )
  }, 120_000)
})

describe('5,000 key sets that anyone may have written (R37, R42)', () => {
  it('give no key that was not published, and are refused with a code or cost no good key but the odd one', async () => {
    const { documents, accepted, smaller, faults } = await fuzzKeySets({ from: 1, count: 5000 })
    expect(faults).toEqual([])
    expect(accepted).toBeGreaterThan(documents / 10)
    expect(smaller).toBeGreaterThan(0)
  }, 60_000)
})
