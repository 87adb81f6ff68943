import { type AlgorithmName, availableAlgorithms } from '@keyturn/core'
import { describe, expect, it } from 'vitest'
import { fuzzNeighbours } from './fuzz-neighbours.ts'
import { neighboursOf } from './neighbours.ts'

/** One of each way to verify, and quick; of the others one neighbour of so many, which `campaign.ts --neighbours` tries whole. */
const TRIED_WHOLE: readonly AlgorithmName[] = ['RS256', 'PS256', 'ES256', 'EdDSA']
const ONE_OF = 101

describe('neighbours of a good token (R1, R2, R42, R63)', () => {
  it.each(availableAlgorithms())('of %s are all refused, each with a code', async (algorithm) => {
    const oneOf = TRIED_WHOLE.includes(algorithm) ? 1 : ONE_OF
    const { inputs, refusals, unchanged, faults } = await fuzzNeighbours({ algorithm, oneOf })
    expect(faults).toEqual([])
    expect(unchanged).toBe(0)
    expect(Object.values(refusals).reduce((sum, count) => sum + count)).toBe(inputs)
    // of few neighbours, chance decides behind which door they come
    if (oneOf > 1) return
    expect(Object.keys(refusals)).toEqual(
      expect.arrayContaining([
        ...['token_malformed', 'token_not_canonical', 'header_malformed', 'key_unknown'],
        ...['signature_length', 'signature_invalid'],
      ]),
    )
  })
})

describe('what a neighbour is', () => {
  const all = new Set(neighboursOf('e30.e30.AQ'))

  it('has one character more, one less, one other, or lacks an end', () => {
    expect(all).toContain('e30.e30.AQ=')
    expect(all).toContain('e3\u00000.e30.AQ')
    expect(all).toContain('e30e30.AQ')
    expect(all).toContain('e30.e30.AR')
    expect(all).toContain('e30.e30.')
    expect(all).toContain('30.e30.AQ')
    expect(all).not.toContain('e30.e30.AQ')
  })

  it('is tried at the end of each part however few are', () => {
    const few = new Set(neighboursOf(`${'A'.repeat(100)}.${'B'.repeat(100)}.${'C'.repeat(100)}`, 1_000_000))
    for (const end of [
      `.${'B'.repeat(99)}C.`,
      `${'A'.repeat(99)}Q.B`,
      `${'C'.repeat(99)}D`,
      `${'C'.repeat(100)}=`,
    ]) {
      expect([...few].some((text) => text.includes(end))).toBe(true)
    }
  })
})
