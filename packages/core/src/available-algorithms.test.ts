import { afterEach, describe, expect, it, vi } from 'vitest'
import { ALGORITHM_NAMES } from './algorithms.ts'
import {
  assertAlgorithmAvailable,
  availableAlgorithms,
  isAlgorithmAvailable,
} from './available-algorithms.ts'
import { outcomeOf } from './issuer.fixture.ts'

const ML_DSA = ['ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'] as const
const others = ALGORITHM_NAMES.filter((name) => !name.startsWith('ML-DSA'))

/** The module as it is in a runtime whose node:crypto knows no such key. */
async function inOldRuntime() {
  vi.resetModules()
  vi.doMock('node:crypto', async (original) => ({
    ...(await original<typeof import('node:crypto')>()),
    createPublicKey() {
      throw new TypeError("The property 'key.kty' must be one of: 'RSA', 'EC', 'OKP'. Received 'AKP'")
    },
  }))
  return {
    ...(await import('./available-algorithms.ts')),
    ...(await import('./jwk.ts')),
    ...(await import('./token.ts')),
  }
}

afterEach(() => {
  vi.doUnmock('node:crypto')
  vi.resetModules()
})

describe('available algorithms (R2)', () => {
  it('are all of the table, save ML-DSA where the runtime lacks it', () => {
    const hasMlDsa = Number(process.versions.node.split('.')[0]) >= 24
    expect(availableAlgorithms()).toEqual(hasMlDsa ? ALGORITHM_NAMES : others)
    expect(ML_DSA.map(isAlgorithmAvailable)).toEqual(ML_DSA.map(() => hasMlDsa))
    expect(Object.isFrozen(availableAlgorithms())).toBe(true)
  })

  it.each(availableAlgorithms())('let %s pass', (name) => {
    expect(outcomeOf(() => assertAlgorithmAvailable(name))).toBe('accepted')
  })

  it('are found out when they are asked for, once, and not by an import', async () => {
    const createPublicKey = vi.fn()
    vi.resetModules()
    vi.doMock('node:crypto', async (original) => ({ ...(await original<object>()), createPublicKey }))
    const core = await import('./index.ts')
    expect(createPublicKey).not.toHaveBeenCalled()
    expect(core.availableAlgorithms()).toEqual(ALGORITHM_NAMES)
    expect(core.availableAlgorithms()).toEqual(ALGORITHM_NAMES)
    expect(createPublicKey).toHaveBeenCalledTimes(ML_DSA.length)
  })

  it('are the others in an old runtime, which says what ML-DSA takes', async () => {
    const old = await inOldRuntime()
    expect(old.availableAlgorithms()).toEqual(others)
    for (const name of ML_DSA) {
      expect(() => old.assertAlgorithmAvailable(name)).toThrow(
        expect.objectContaining({
          code: 'algorithm_unavailable',
          message: `expected a runtime that has ${name}`,
          remedy: expect.stringContaining('Node.js 24.6'),
        }),
      )
    }
  })

  it('are what a verifier can be told to accept, and what it accepts when it is told nothing', async () => {
    const { TokenChecker } = await inOldRuntime()
    const expectations = { issuer: 'https://auth.example', audience: 'orders' }
    const outcome = (action: () => unknown) => outcomeOf(action)
    expect(outcome(() => new TokenChecker({ ...expectations, algorithms: ['ML-DSA-44'] }))).toBe(
      'algorithm_unavailable',
    )
    const header = Buffer.from('{"alg":"ML-DSA-44","kid":"k","typ":"at+jwt"}').toString('base64url')
    expect(outcome(() => new TokenChecker(expectations).parse(`${header}.e30.AAAA`))).toBe(
      'header_alg_refused',
    )
  })

  it('decide over a key of a set: it is skipped for what it is', async () => {
    const { parseJwk } = await inOldRuntime()
    const jwk = { kty: 'AKP', alg: 'ML-DSA-65', pub: 'A'.repeat(2603), kid: 'k', use: 'sig' }
    expect(outcomeOf(() => parseJwk(jwk))).toBe('algorithm_unavailable')
  })
})
