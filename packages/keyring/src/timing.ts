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

const RSA_BITS: readonly number[] = [2048, 3072, 4096]
const SECOND = 1000
const HOUR = 3_600_000

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
 * The inequalities that a policy breaks, each as a line with its numbers; empty when tokens stay good through every
 * rotation under it.
 */
export function policyViolations(policy: KeyPolicy): readonly string[] {
  const { timing } = policy
  const malformed = malformedSettings(policy)
  if (malformed.length > 0) return malformed
  const violations: string[] = []
  const lead = leadOf(timing)
  if (timing.rotationIntervalMs <= lead) {
    violations.push(
      `rotation interval ${formatDuration(timing.rotationIntervalMs)} must be longer than the lead ` +
        `${formatDuration(lead)} (poll + CDN age + max(max-age, verifiers' floor) + stale-while-revalidate + refresh + 2 x skew)`,
    )
  }
  const leastGrace = timing.clockToleranceMs + 2 * timing.clockSkewMs
  if (timing.graceSkewMs < leastGrace) {
    violations.push(
      `grace skew ${formatDuration(timing.graceSkewMs)} must be at least ${formatDuration(leastGrace)} ` +
        '(clock tolerance + 2 x skew)',
    )
  }
  const keys = Math.ceil(graceOf(timing) / timing.rotationIntervalMs) + 2
  if (keys > JWK_SET_LIMITS.keys) {
    violations.push(`${keys} keys would be published at once; verifiers take at most ${JWK_SET_LIMITS.keys}`)
  }
  const bytes = keys * publishedBytes(policy)
  if (bytes > JWK_SET_LIMITS.bytes) {
    violations.push(
      `the key set would have about ${bytes} bytes; verifiers take at most ${JWK_SET_LIMITS.bytes}`,
    )
  }
  return violations
}

function malformedSettings({ algorithm, rsaBits, timing }: KeyPolicy): readonly string[] {
  const positive = ['rotationIntervalMs', 'maxTtlMs', 'verifierRefreshMs', 'storePollMs'] as const
  const lines = Object.entries(timing)
    .filter(([, value]) => !Number.isSafeInteger(value) || value < 0)
    .map(([name]) => `${name} must be a whole number of milliseconds, not negative`)
  for (const name of positive) if (timing[name] === 0) lines.push(`${name} must be greater than 0`)
  if (timing.maxTtlMs % SECOND !== 0) lines.push('maxTtlMs must be whole seconds')
  if (timing.clockToleranceMs > 60 * SECOND) lines.push('clockToleranceMs must be at most 60s')
  return [...lines, ...malformedAlgorithm(algorithm, rsaBits)]
}

function malformedAlgorithm(algorithm: AlgorithmName, rsaBits: number): readonly string[] {
  if (!isAlgorithmName(algorithm)) return ['algorithm must be one of the table']
  const { publicKeyBytes, runtime } = ALGORITHMS[algorithm]
  if (!isAlgorithmAvailable(algorithm)) {
    return [`algorithm ${algorithm} is not in this runtime; it takes ${runtime}`]
  }
  const hasModulus = publicKeyBytes === undefined
  return hasModulus && !RSA_BITS.includes(rsaBits) ? ['rsaBits must be 2048, 3072 or 4096'] : []
}

/** An upper bound of one key's share of the document: the key in base64url, and all else that is said of it. */
export function publishedBytes({ algorithm, rsaBits }: KeyPolicy): number {
  const { publicKeyBytes = rsaBits / 8 } = ALGORITHMS[algorithm]
  return 220 + Math.ceil((publicKeyBytes * 4) / 3)
}
