import { describe, expect, it } from 'vitest'
import { ALGORITHM_NAMES, ALGORITHMS, isAlgorithmName } from './algorithms.ts'

describe('algorithms (R2, R42)', () => {
  it('have the default first', () => expect(ALGORITHM_NAMES[0]).toBe('RS256'))

  it('are asymmetric, every one, and frozen', () => {
    for (const name of ALGORITHM_NAMES) {
      expect(['RSA', 'EC', 'OKP']).toContain(ALGORITHMS[name].kty)
      expect(ALGORITHMS[name].name).toBe(name)
      expect(Object.isFrozen(ALGORITHMS[name])).toBe(true)
    }
    expect(Object.isFrozen(ALGORITHMS) && Object.isFrozen(ALGORITHM_NAMES)).toBe(true)
  })

  it.each([
    'none',
    'HS256',
    'rs256',
    'RS256 ',
    '',
    'toString',
    '__proto__',
    null,
    undefined,
    0,
    ['RS256'],
    Object('RS256'),
  ])('have no name %j', (name) => expect(isAlgorithmName(name)).toBe(false))
})
