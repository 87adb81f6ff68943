import { describe, expect, it } from 'vitest'
import { judgeHealth } from './keyring-health.ts'

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
