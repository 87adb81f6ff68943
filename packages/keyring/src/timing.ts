import {
  ALGORITHMS,
  type AlgorithmName,
  formatDuration,
  isAlgorithmAvailable,
  isAlgorithmName,
  JWK_SET_LIMITS,
} from '@keyturn/core'

/** Every duration on which the life of a key depends, in milliseconds. The letters are those of the documentation. */
export interface Timing {
  /** T: how long a key signs. */
  readonly rotationIntervalMs: number
  /** g: how much longer than its last token a key stays published. */
  readonly graceSkewMs: number
  /** V: the longest lifetime of a token. */
  readonly maxTtlMs: number
  /** C: `max-age` of the published set. */
  readonly jwksMaxAgeMs: number
  /** S: `stale-while-revalidate` of the published set. */
  readonly jwksStaleWhileRevalidateMs: number
  /** E: age that a CDN in front may add. */
  readonly jwksCdnAgeMs: number
  /** R: what a verifier may need for a refresh, with retry and time-out. */
  readonly verifierRefreshMs: number
  /** F: verifiers keep a set at least this long. */
  readonly verifierMinCacheMs: number
  /** P: how soon another process sees a write to the store. */
  readonly storePollMs: number
  /** e: how far clocks may be apart. */
  readonly clockSkewMs: number
  /** K: tolerance that verifiers may use. */
  readonly clockToleranceMs: number
}

/** How keys are made and turned. */
export interface KeyPolicy {
  readonly algorithm: AlgorithmName
  /** Modulus length of RSA keys; means nothing for others. */
  readonly rsaBits: 2048 | 3072 | 4096
  readonly timing: Timing
}

/** One way in which a policy cannot be. */
export interface PolicyViolation {
  /** The part to change. */
  readonly about: keyof Timing | 'timing' | 'algorithm' | 'rsaBits'
  /** What was expected of it. */
  readonly problem: string
}

const RSA_BITS: readonly number[] = [2048, 3072, 4096]
const SECOND = 1000
const HOUR = 3_600_000
/** A hundred years: whatever is reckoned from such a duration is a date, and a whole number that a ring can hold. */
const LONGEST_MS = 36_525 * 24 * HOUR

/** Rotation every 24 hours, tokens of one hour, a set that is cached for a quarter of an hour. */
export const DEFAULT_TIMING: Timing = Object.freeze({
  rotationIntervalMs: 24 * HOUR,
  graceSkewMs: 15 * SECOND,
  maxTtlMs: HOUR,
  jwksMaxAgeMs: 900 * SECOND,
  jwksStaleWhileRevalidateMs: 60 * SECOND,
  jwksCdnAgeMs: 0,
  verifierRefreshMs: 40 * SECOND,
  verifierMinCacheMs: 60 * SECOND,
  storePollMs: SECOND,
  clockSkewMs: 5 * SECOND,
  clockToleranceMs: 5 * SECOND,
})

/** RS256 with 2048 bits and {@link DEFAULT_TIMING}. */
export const DEFAULT_POLICY: KeyPolicy = Object.freeze({
  algorithm: 'RS256',
  rsaBits: 2048,
  timing: DEFAULT_TIMING,
})

/** E + max(C, F) + S + R: how long a set may be in use after it was served for the last time. */
export function exposureOf(timing: Timing): number {
  const { jwksCdnAgeMs, jwksMaxAgeMs, verifierMinCacheMs, jwksStaleWhileRevalidateMs, verifierRefreshMs } =
    timing
  return (
    jwksCdnAgeMs + Math.max(jwksMaxAgeMs, verifierMinCacheMs) + jwksStaleWhileRevalidateMs + verifierRefreshMs
  )
}

/** P + 2e: from a write until every signer goes by it. */
export function propagationOf(timing: Timing): number {
  return timing.storePollMs + 2 * timing.clockSkewMs
}

/** How long a key must be published before it signs. */
export function leadOf(timing: Timing): number {
  return exposureOf(timing) + propagationOf(timing)
}

/** V + g: how long a key stays published after it signed for the last time. */
export function graceOf(timing: Timing): number {
  return timing.maxTtlMs + timing.graceSkewMs
}

/**
 * What is wrong with a policy, each with its numbers; empty when tokens stay good through every rotation under it.
 *
 * @example
 * for (const { about, problem } of policyViolations(policy)) console.error(`${about}: ${problem}`)
 */
export function policyViolations(policy: KeyPolicy): readonly PolicyViolation[] {
  const malformed = malformedParts(policy)
  return malformed.length > 0 ? malformed : [...brokenInequalities(policy.timing), ...oversizedSet(policy)]
}

function brokenInequalities(timing: Timing): readonly PolicyViolation[] {
  const violations: PolicyViolation[] = []
  const { rotationIntervalMs, graceSkewMs, clockToleranceMs, clockSkewMs } = timing
  const lead = leadOf(timing)
  if (rotationIntervalMs <= lead) {
    violations.push({
      about: 'rotationIntervalMs',
      problem:
        `expected more than the lead ${formatDuration(lead)} (poll + CDN age + max(max-age, verifiers' floor) + ` +
        `stale-while-revalidate + refresh + 2 x skew), not ${formatDuration(rotationIntervalMs)}`,
    })
  }
  const leastGrace = clockToleranceMs + 2 * clockSkewMs
  if (graceSkewMs < leastGrace) {
    violations.push({
      about: 'graceSkewMs',
      problem:
        `expected at least ${formatDuration(leastGrace)} (clock tolerance + 2 x skew), ` +
        `not ${formatDuration(graceSkewMs)}`,
    })
  }
  return violations
}

/** Verifiers take a set of so many keys and bytes; what they refuse is as good as no set. */
function oversizedSet(policy: KeyPolicy): readonly PolicyViolation[] {
  const about = 'rotationIntervalMs'
  const violations: PolicyViolation[] = []
  const keys = Math.ceil(graceOf(policy.timing) / policy.timing.rotationIntervalMs) + 2
  if (keys > JWK_SET_LIMITS.keys) {
    const problem = `expected at most ${JWK_SET_LIMITS.keys} keys published at once, not ${keys}`
    violations.push({ about, problem: `${problem}: rotate less often, or issue shorter lifetimes` })
  }
  const bytes = keys * publishedBytes(policy)
  if (bytes > JWK_SET_LIMITS.signableBytes) {
    const problem = `expected a key set of at most ${JWK_SET_LIMITS.signableBytes} bytes, not about ${bytes}`
    violations.push({ about, problem: `${problem}: rotate less often, or take smaller keys` })
  }
  return violations
}

function malformedParts({ algorithm, rsaBits, timing }: KeyPolicy): readonly PolicyViolation[] {
  const names = Object.keys(DEFAULT_TIMING) as (keyof Timing)[]
  const positive = ['rotationIntervalMs', 'maxTtlMs', 'verifierRefreshMs', 'storePollMs'] as const
  const violations: PolicyViolation[] = names
    .filter((name) => !Number.isSafeInteger(timing[name]) || timing[name] < 0)
    .map((about) => ({ about, problem: 'expected a whole number of milliseconds, not negative' }))
  for (const about of names) {
    if (timing[about] > LONGEST_MS) {
      violations.push({ about, problem: `expected at most ${formatDuration(LONGEST_MS)}` })
    }
  }
  for (const about of positive) {
    if (timing[about] === 0) violations.push({ about, problem: 'expected more than 0' })
  }
  if (timing.maxTtlMs % SECOND !== 0)
    violations.push({ about: 'maxTtlMs', problem: 'expected whole seconds' })
  if (timing.clockToleranceMs > 60 * SECOND) {
    violations.push({ about: 'clockToleranceMs', problem: 'expected at most 60s' })
  }
  for (const name of Object.keys(timing).filter((name) => !Object.hasOwn(DEFAULT_TIMING, name))) {
    violations.push({ about: 'timing', problem: `${JSON.stringify(name)} is none of ${names.join(', ')}` })
  }
  return [...violations, ...malformedAlgorithm(algorithm, rsaBits)]
}

function malformedAlgorithm(algorithm: AlgorithmName, rsaBits: number): readonly PolicyViolation[] {
  if (!isAlgorithmName(algorithm)) return [{ about: 'algorithm', problem: 'expected one of the table' }]
  const { publicKeyBytes, runtime } = ALGORITHMS[algorithm]
  if (!isAlgorithmAvailable(algorithm)) {
    return [{ about: 'algorithm', problem: `expected a runtime that has ${algorithm}: ${runtime}` }]
  }
  const hasModulus = publicKeyBytes === undefined
  return hasModulus && !RSA_BITS.includes(rsaBits)
    ? [{ about: 'rsaBits', problem: 'expected 2048, 3072 or 4096' }]
    : []
}

/** An upper bound of one key's share of the document: the key in base64url, and all else that is said of it. */
export function publishedBytes({ algorithm, rsaBits }: KeyPolicy): number {
  const { publicKeyBytes = rsaBits / 8 } = ALGORITHMS[algorithm]
  return 220 + Math.ceil((publicKeyBytes * 4) / 3)
}
