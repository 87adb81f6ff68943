import {
  ALGORITHM_NAMES,
  ALGORITHMS,
  AVAILABLE_ALGORITHMS,
  isAlgorithmAvailable,
  JWK_SET_LIMITS,
} from '@keyturn/core'
import { describe, expect, it } from 'vitest'
import { generateSigningPair, publishedJwk } from './key-pair.ts'
import { DEFAULT_POLICY, type KeyPolicy, policyViolations } from './timing.ts'

const HOUR = 3_600_000
const EDITION = { ring: 'r'.repeat(36), version: 1e9, next_activation: 1_800_000_000 }

/** A policy under which so many keys are published at once. */
const policyOf = (algorithm: KeyPolicy['algorithm'], keys: number, rsaBits: 2048 | 3072 | 4096 = 2048) => ({
  algorithm,
  rsaBits,
  timing: { ...DEFAULT_POLICY.timing, rotationIntervalMs: HOUR, maxTtlMs: (keys - 2) * HOUR - 60_000 },
})

describe('the algorithm of a policy (R2)', () => {
  it.each(AVAILABLE_ALGORITHMS)('may be %s', (algorithm) => {
    expect(policyViolations({ ...DEFAULT_POLICY, algorithm })).toEqual([])
  })

  it.each(ALGORITHM_NAMES.filter((name) => !isAlgorithmAvailable(name)))(
    'may not be %s in this runtime',
    (algorithm) => {
      expect(policyViolations({ ...DEFAULT_POLICY, algorithm })).toEqual([
        {
          about: 'algorithm',
          problem: `expected a runtime that has ${algorithm}: Node.js 24.6 or later on OpenSSL 3.5 or later`,
        },
      ])
    },
  )

  it('is one of the table', () => {
    expect(policyViolations({ ...DEFAULT_POLICY, algorithm: 'HS256' as never })).toEqual([
      { about: 'algorithm', problem: 'expected one of the table' },
    ])
  })

  it('needs a length of its modulus where it has one, and only there', () => {
    const line = { about: 'rsaBits', problem: 'expected 2048, 3072 or 4096' }
    for (const algorithm of AVAILABLE_ALGORITHMS) {
      const lines = policyViolations({ ...DEFAULT_POLICY, algorithm, rsaBits: 1024 as never })
      expect(lines).toEqual(/^[RP]S/.test(algorithm) ? [line] : [])
    }
  })
})

describe('the size of the key set (R2, R37)', () => {
  it.each(AVAILABLE_ALGORITHMS)(
    'is never beyond what verifiers take, whatever number of %s keys passes',
    async (algorithm) => {
      const hasModulus = ALGORITHMS[algorithm].publicKeyBytes === undefined
      const pair = await generateSigningPair({ algorithm, rsaBits: 2048 })
      const modulusOf = (bits: number) => (hasModulus ? { n: 'x'.repeat(Math.ceil(bits / 6)) } : {})
      for (const rsaBits of [2048, 3072, 4096] as const) {
        const published = { ...publishedJwk(pair, 1_800_000_000), ...modulusOf(rsaBits) }
        const sizes = Array.from({ length: 29 }, (_, index) => index + 3)
          .filter((keys) => policyViolations(policyOf(algorithm, keys, rsaBits)).length === 0)
          .map((keys) => JSON.stringify({ keys: Array(keys).fill(published), keyturn: EDITION }).length)
        expect(Math.max(...sizes)).toBeLessThanOrEqual(JWK_SET_LIMITS.bytes)
        expect(sizes.length).toBeGreaterThan(10)
      }
    },
  )

  it.skipIf(!isAlgorithmAvailable('ML-DSA-87'))('is what bounds the number of ML-DSA-87 keys', () => {
    expect(policyViolations(policyOf('ML-DSA-87', 17))).toEqual([])
    expect(policyViolations(policyOf('ML-DSA-87', 18))).toEqual([
      {
        about: 'rotationIntervalMs',
        problem: expect.stringContaining('at most 65536 bytes, not about 66168'),
      },
    ])
  })
})
