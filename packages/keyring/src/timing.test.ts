import { ALGORITHMS, availableAlgorithms, isAlgorithmAvailable, JWK_SET_LIMITS } from '@keyturn/core'
import { describe, expect, it, vi } from 'vitest'
import { generateSigningPair, publishedJwk } from './key-pair.ts'
import {
  DEFAULT_POLICY,
  DEFAULT_TIMING,
  exposureOf,
  graceOf,
  type KeyPolicy,
  leadOf,
  policyViolations,
  propagationOf,
  publishedBytes,
  type Timing,
} from './timing.ts'

const HOUR = 3_600_000
const violationsOf = (timing: Partial<Timing>) =>
  policyViolations({ ...DEFAULT_POLICY, timing: { ...DEFAULT_TIMING, ...timing } })
const EDITION = { ring: 'r'.repeat(36), version: 1e9, next_activation: 1_800_000_000 }

/** A policy under which so many keys are published at once. */
const policyOf = (algorithm: KeyPolicy['algorithm'], keys: number, rsaBits: 2048 | 3072 | 4096 = 2048) => ({
  algorithm,
  rsaBits,
  timing: { ...DEFAULT_POLICY.timing, rotationIntervalMs: HOUR, maxTtlMs: (keys - 2) * HOUR - 60_000 },
})

describe('the algorithm of a policy (R2)', () => {
  it.each(availableAlgorithms())('may be %s', (algorithm) => {
    expect(policyViolations({ ...DEFAULT_POLICY, algorithm })).toEqual([])
  })

  it('may be none that this runtime does not have', async () => {
    vi.resetModules()
    vi.doMock('@keyturn/core', async (original) => ({
      ...(await original<typeof import('@keyturn/core')>()),
      isAlgorithmAvailable: () => false,
    }))
    const old = await import('./timing.ts')
    vi.doUnmock('@keyturn/core')
    expect(old.policyViolations({ ...DEFAULT_POLICY, algorithm: 'ML-DSA-65' })).toEqual([
      {
        about: 'algorithm',
        problem: 'expected a runtime that has ML-DSA-65: Node.js 24.6 or later on OpenSSL 3.5 or later',
      },
    ])
  })

  it('is one of the table', () => {
    expect(policyViolations({ ...DEFAULT_POLICY, algorithm: 'HS256' as never })).toEqual([
      { about: 'algorithm', problem: 'expected one of the table' },
    ])
  })

  it('needs a length of its modulus where it has one, and only there', () => {
    const line = { about: 'rsaBits', problem: 'expected 2048, 3072 or 4096' }
    for (const algorithm of availableAlgorithms()) {
      const lines = policyViolations({ ...DEFAULT_POLICY, algorithm, rsaBits: 1024 as never })
      expect(lines).toEqual(/^[RP]S/.test(algorithm) ? [line] : [])
    }
  })
})

describe('the size of the key set (R2, R37)', () => {
  it.each(availableAlgorithms())(
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
        expect(Math.max(...sizes)).toBeLessThanOrEqual(JWK_SET_LIMITS.signableBytes)
        expect(sizes.length).toBeGreaterThan(8)
      }
    },
  )

  it.skipIf(!isAlgorithmAvailable('ML-DSA-87'))('is what bounds the number of ML-DSA-87 keys', () => {
    expect(policyViolations(policyOf('ML-DSA-87', 11))).toEqual([])
    expect(policyViolations(policyOf('ML-DSA-87', 12))).toEqual([
      {
        about: 'rotationIntervalMs',
        problem:
          'expected a key set of at most 43008 bytes, not about 44112: rotate less often, or take smaller keys',
      },
    ])
  })
})

describe('the times of a key (R5, R6, R7, R8)', () => {
  const timing: Timing = {
    rotationIntervalMs: 1_000_000,
    graceSkewMs: 2,
    maxTtlMs: 3,
    jwksMaxAgeMs: 50,
    jwksStaleWhileRevalidateMs: 700,
    jwksCdnAgeMs: 11_000,
    verifierRefreshMs: 130_000,
    verifierMinCacheMs: 40,
    storePollMs: 17,
    clockSkewMs: 1000,
    clockToleranceMs: 5,
  }

  it('are, by default, those of a day, an hour and a quarter of an hour', () => {
    expect(DEFAULT_POLICY).toEqual({ algorithm: 'RS256', rsaBits: 2048, timing: DEFAULT_TIMING })
    expect(DEFAULT_TIMING).toEqual({
      rotationIntervalMs: 86_400_000,
      graceSkewMs: 15_000,
      maxTtlMs: 3_600_000,
      jwksMaxAgeMs: 900_000,
      jwksStaleWhileRevalidateMs: 60_000,
      jwksCdnAgeMs: 0,
      verifierRefreshMs: 40_000,
      verifierMinCacheMs: 60_000,
      storePollMs: 1000,
      clockSkewMs: 5000,
      clockToleranceMs: 5000,
    })
    expect(leadOf(DEFAULT_TIMING)).toBe(1_011_000)
    expect([DEFAULT_POLICY, DEFAULT_TIMING].every(Object.isFrozen)).toBe(true)
  })

  it('count how long a set may be in use, with the floor of the verifiers where that is more', () => {
    expect(exposureOf(timing)).toBe(11_000 + 50 + 700 + 130_000)
    expect(exposureOf({ ...timing, verifierMinCacheMs: 60 })).toBe(11_000 + 60 + 700 + 130_000)
  })

  it('count how long a write needs, the lead of a key, and its grace', () => {
    expect(propagationOf(timing)).toBe(17 + 2 * 1000)
    expect(leadOf(timing)).toBe(141_750 + 2017)
    expect(graceOf(timing)).toBe(3 + 2)
  })
})

describe('the inequalities of a policy (R6, R7, R54)', () => {
  it('hold by default', () => {
    expect(policyViolations(DEFAULT_POLICY)).toEqual([])
  })

  it('give a key its lead before it signs', () => {
    const lead = leadOf(DEFAULT_TIMING)
    const short = { maxTtlMs: 60_000 }
    expect(violationsOf({ ...short, rotationIntervalMs: lead + 1 })).toEqual([])
    expect(violationsOf({ ...short, rotationIntervalMs: lead })).toEqual([
      {
        about: 'rotationIntervalMs',
        problem:
          "expected more than the lead 1011s (poll + CDN age + max(max-age, verifiers' floor) + " +
          'stale-while-revalidate + refresh + 2 x skew), not 1011s',
      },
    ])
  })

  it('leave room for tolerance and skew after the last token', () => {
    expect(violationsOf({ graceSkewMs: 15_000 })).toEqual([])
    expect(violationsOf({ graceSkewMs: 14_000 })).toEqual([
      {
        about: 'graceSkewMs',
        problem: 'expected at least 15s (clock tolerance + 2 x skew), not 14s',
      },
    ])
  })

  it('bound the number of keys that are published at once', () => {
    const most = { rotationIntervalMs: HOUR, maxTtlMs: 30 * HOUR - 15_000 }
    expect(violationsOf(most)).toEqual([])
    expect(violationsOf({ ...most, maxTtlMs: most.maxTtlMs + 1000 })).toEqual([
      {
        about: 'rotationIntervalMs',
        problem:
          'expected at most 32 keys published at once, not 33: rotate less often, or issue shorter lifetimes',
      },
    ])
  })

  it('reckon what is published of a key from its length', () => {
    expect(publishedBytes({ ...DEFAULT_POLICY, rsaBits: 3072 })).toBe(220 + 512)
    expect(publishedBytes({ ...DEFAULT_POLICY, algorithm: 'EdDSA' })).toBe(220 + 43)
  })
})

describe('a policy that is malformed (R54)', () => {
  const notWhole = 'expected a whole number of milliseconds, not negative'
  const names = Object.keys(DEFAULT_TIMING) as (keyof Timing)[]

  it.each(names)('has a part that is no whole number: %s', (about) => {
    const others = about === 'maxTtlMs' ? [{ about, problem: 'expected whole seconds' }] : []
    expect(violationsOf({ [about]: 1000.5 })).toEqual([{ about, problem: notWhole }, ...others])
    expect(violationsOf({ [about]: -1000 })).toEqual([{ about, problem: notWhole }])
  })

  it.each(names)('may have nothing where nothing is a time: %s', (about) => {
    const needed = ['rotationIntervalMs', 'maxTtlMs', 'verifierRefreshMs', 'storePollMs'].includes(about)
    const problems = violationsOf({ [about]: 0 }).filter(({ problem }) => problem === 'expected more than 0')
    expect(problems).toEqual(needed ? [{ about, problem: 'expected more than 0' }] : [])
  })

  it.each(names.filter((name) => name !== 'clockToleranceMs'))(
    'has a part of more than a century: %s',
    (about) => {
      const century = 36_525 * 24 * HOUR
      const problem = 'expected at most 36525d'
      expect(violationsOf({ [about]: century + 1000 })).toEqual([{ about, problem }])
      expect(violationsOf({ [about]: century })).not.toContainEqual({ about, problem })
    },
  )

  it.each(Object.keys(DEFAULT_TIMING) as (keyof Timing)[])('lacks a part: %s', (about) => {
    const { [about]: _, ...rest } = DEFAULT_TIMING
    const problem = 'expected a whole number of milliseconds, not negative'
    const violations = policyViolations({ ...DEFAULT_POLICY, timing: rest as Timing })
    expect(violations).toContainEqual({ about, problem })
  })

  it('has a part that is none', () => {
    const timing = { ...DEFAULT_TIMING, graceSkew: 1 }
    expect(policyViolations({ ...DEFAULT_POLICY, timing })).toEqual([
      {
        about: 'timing',
        problem: expect.stringMatching(/^"graceSkew" is none of rotationIntervalMs, .*graceSkewMs/),
      },
    ])
  })

  it('has lifetimes that are not whole seconds', () => {
    expect(violationsOf({ maxTtlMs: 1500 })).toEqual([
      { about: 'maxTtlMs', problem: 'expected whole seconds' },
    ])
    expect(violationsOf({ maxTtlMs: 2000 })).toEqual([])
  })

  it('tolerates more than verifiers may', () => {
    const graceSkewMs = HOUR
    expect(violationsOf({ graceSkewMs, clockToleranceMs: 60_000 })).toEqual([])
    expect(violationsOf({ graceSkewMs, clockToleranceMs: 60_001 })).toEqual([
      { about: 'clockToleranceMs', problem: 'expected at most 60s' },
    ])
  })

  it('is told so before anything is reckoned from it', () => {
    expect(violationsOf({ storePollMs: 0, graceSkewMs: 0 })).toEqual([
      { about: 'storePollMs', problem: 'expected more than 0' },
    ])
  })
})
