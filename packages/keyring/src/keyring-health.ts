/** State of the key life cycle. */
export interface KeyringHealth {
  /** `degraded`: an operator should look. Signing goes on, unless the ring is `held`. */
  readonly status: 'ok' | 'degraded'
  readonly consecutiveFailures: number
  readonly lastFailure: { readonly code: string; readonly at: number } | undefined
  /** Why the store could not be read at the last look; `undefined` when it could. */
  readonly storeError: string | undefined
  /** How long ago the ring in memory was last known to be the store's; close to 0 as long as the store can be read. */
  readonly snapshotAgeMs: number
  /** That is much longer ago than the store is looked at: it hangs, and what others write is not seen. */
  readonly snapshotStale: boolean
  readonly nextKeyReady: boolean
  /** There is no next key, and it is too late for one to sign on time: the active key will sign beyond its interval. */
  readonly rotationOverdue: boolean
  /** The clock is behind the last write: the schedule waits until it has caught up. */
  readonly clockBehind: boolean
  /** The clocks of this machine and of the store are farther apart than the policy allows for. */
  readonly clockOff: boolean
  /** The ring came out of a backup: nothing is signed until it is confirmed. */
  readonly held: boolean
}

/** Says of what is known whether an operator should look. */
export function judgeHealth(known: Omit<KeyringHealth, 'status'>): KeyringHealth {
  const { consecutiveFailures, storeError, snapshotStale, rotationOverdue, clockBehind, clockOff, held } =
    known
  const isFailing = consecutiveFailures > 0 || storeError !== undefined
  const isClockWrong = clockBehind || clockOff
  const isWell = !isFailing && !snapshotStale && !rotationOverdue && !isClockWrong && !held
  return { status: isWell ? 'ok' : 'degraded', ...known }
}
