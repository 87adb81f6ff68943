import { DEFAULT_POLICY, type KeyPolicy, leadOf, policyViolations, type Timing } from '@keyturn/keyring'
import type { SeededRandom } from './seeded-random.ts'

const SECOND = 1000

/** Settings that somebody could have chosen: everything in proportion, so that a history has many rotations. */
export function randomPolicy(random: SeededRandom, clockSkewMs: number): KeyPolicy {
  for (;;) {
    const policy = {
      ...DEFAULT_POLICY,
      algorithm: 'EdDSA' as const,
      timing: randomTiming(random, clockSkewMs),
    }
    if (policyViolations(policy).length === 0) return policy
  }
}

/** The same settings, but for one that an operator has changed. */
export function changedPolicy(
  random: SeededRandom,
  policy: KeyPolicy,
): { policy: KeyPolicy; change: string } {
  for (;;) {
    const other = randomTiming(random, policy.timing.clockSkewMs)
    const key = random.weighted({ maxTtlMs: 3, jwksMaxAgeMs: 2, rotationIntervalMs: 1, graceSkewMs: 1 })
    const timing = { ...policy.timing, [key]: other[key] }
    const changed = { ...policy, timing }
    if (policyViolations(changed).length === 0) return { policy: changed, change: `${key} = ${timing[key]}` }
  }
}

function randomTiming(random: SeededRandom, clockSkewMs: number): Timing {
  const timing: Timing = {
    rotationIntervalMs: 0,
    graceSkewMs: 0,
    maxTtlMs: random.between(1, 25) * SECOND,
    jwksMaxAgeMs: random.between(0, 6) * SECOND,
    jwksStaleWhileRevalidateMs: random.between(0, 2) * SECOND,
    jwksCdnAgeMs: random.chance(0.2) ? SECOND : 0,
    verifierRefreshMs: random.between(5, 20) * 100,
    verifierMinCacheMs: random.between(0, 4) * SECOND,
    storePollMs: random.between(3, 10) * 100,
    clockSkewMs,
    clockToleranceMs: random.between(0, 2) * SECOND,
  }
  const lead = leadOf(timing)
  return {
    ...timing,
    rotationIntervalMs: Math.round(lead * (1.05 + 4 * random.next())),
    graceSkewMs: timing.clockToleranceMs + 2 * clockSkewMs + random.between(0, 2) * SECOND,
  }
}
