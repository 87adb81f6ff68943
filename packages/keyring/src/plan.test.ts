import { describe, expect, it } from 'vitest'
import { addNext, createRing, rememberExposure } from './changes.ts'
import { generateSigningPair } from './key-pair.ts'
import { judgeHealth } from './keyring-health.ts'
import { isRotationOverdue } from './plan.ts'
import { DEFAULT_POLICY, leadOf } from './timing.ts'

const policy = { ...DEFAULT_POLICY, algorithm: 'EdDSA' } as const
const { timing } = policy
const T = timing.rotationIntervalMs
const LEAD = leadOf(timing)
const [first, spare, other] = await Promise.all([1, 2, 3].map(() => generateSigningPair(policy)))
if (first === undefined || spare === undefined || other === undefined) throw new Error('expected pairs')

/** The spare has signed since T, and there is none after it. */
const spareless = createRing('ring', { first, spare }, policy, 0)

describe('an overdue rotation (R9, R51)', () => {
  it('is one whose next key would come too late, were it made now', () => {
    expect(isRotationOverdue(spareless, policy, { now: T, wokeAt: 0 })).toBe(false)
    expect(isRotationOverdue(spareless, policy, { now: 2 * T - LEAD, wokeAt: 0 })).toBe(false)
    expect(isRotationOverdue(spareless, policy, { now: 2 * T - LEAD + 1, wokeAt: 0 })).toBe(true)
  })

  it('is none as long as there is a next key, however late that one will sign', () => {
    const moment = { now: 3 * T, wokeAt: 0, clockTrusted: true }
    const late = addNext(spareless, other, policy, moment)
    expect(isRotationOverdue(late, policy, moment)).toBe(false)
    expect(isRotationOverdue(spareless, policy, moment)).toBe(true)
  })

  it('goes by the longest cache headers that were served', () => {
    const longer = { ...timing, jwksMaxAgeMs: timing.jwksMaxAgeMs + 3_600_000 }
    const ring = rememberExposure(spareless, longer, 0)
    expect(isRotationOverdue(ring, policy, { now: 2 * T - LEAD - 3_600_000, wokeAt: 0 })).toBe(false)
    expect(isRotationOverdue(ring, policy, { now: 2 * T - LEAD - 3_600_000 + 1, wokeAt: 0 })).toBe(true)
  })

  it('is none yet where the process slept through it and has just woken up', () => {
    const wokeAt = 10 * T
    expect(isRotationOverdue(spareless, policy, { now: wokeAt + 2 * LEAD, wokeAt })).toBe(false)
    expect(isRotationOverdue(spareless, policy, { now: wokeAt + 2 * LEAD + 1, wokeAt })).toBe(true)
  })
})

describe('health (R18, R52)', () => {
  const well = {
    consecutiveFailures: 0,
    lastFailure: { code: 'store_failed', at: 0 },
    storeError: undefined,
    snapshotAgeMs: 0,
    snapshotStale: false,
    nextKeyReady: false,
    rotationOverdue: false,
    clockBehind: false,
    clockOff: false,
    held: false,
  }

  it.each([
    ['nothing that lasts', {}, 'ok'],
    ['a step that fails', { consecutiveFailures: 1 }, 'degraded'],
    ['a store that cannot be read', { storeError: 'store_failed' }, 'degraded'],
    ['a store that does not answer', { snapshotStale: true }, 'degraded'],
    ['a rotation that is overdue', { rotationOverdue: true }, 'degraded'],
    ['a clock that is behind', { clockBehind: true }, 'degraded'],
    ["a clock that is far from the store's", { clockOff: true }, 'degraded'],
    ['a ring that is held', { held: true }, 'degraded'],
  ])('calls an operator for: %s', (_, trouble, status) => {
    expect(judgeHealth({ ...well, ...trouble }).status).toBe(status)
  })
})
