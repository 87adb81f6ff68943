import { KeyturnError } from '@keyturn/core'
import type { Errand } from './audit-trail.ts'
import { endAt } from './changes.ts'
import type { KeyRecord } from './key-record.ts'
import { activeKey, effectiveNow, findKey, type KeyRing, keyOf } from './ring.ts'
import type { KeyPolicy } from './timing.ts'

/** What an operator may add to a manual rotation. */
export interface RotationUrgency extends Errand {
  /** Accept that verifiers refuse new tokens until they refresh. */
  readonly force?: boolean
  /** Book the earliest time at which the rotation is safe. */
  readonly queue?: boolean
}

/** What a manual rotation leads to. Times in milliseconds. */
export interface Rotation {
  /** Signs from `activateAt` on. */
  readonly activeKid: string
  readonly previousKid: string
  /** The spare after that, once it exists. */
  readonly nextKid: string | null
  readonly activateAt: number
}

/** When an operator asks for a rotation, and what is known then. */
export interface RotationRequest extends RotationUrgency {
  /** Every signer knows of it within this time. */
  readonly withinMs: number
  readonly clockTrusted: boolean
}

/**
 * When the next key may take over, if an operator asks at `now`.
 *
 * @throws {KeyturnError} `clock_in_doubt`: by a clock that is behind, the active key would end before it signed for the last
 * time; `no_next_key`; `rotation_too_early` while sets without the next key may be in use
 */
export function earliestActivation(
  ring: KeyRing,
  now: number,
  { force, queue, withinMs, clockTrusted }: RotationRequest,
): { readonly next: KeyRecord; readonly activateAt: number } {
  assertClockTrusted(clockTrusted)
  const next = findKey(ring, 'next', now)
  if (next === undefined) {
    throw new KeyturnError('no_next_key', 'there is no next key to activate', {
      remedy: 'see: keyturn keys list',
    })
  }
  const soonest = now + withinMs
  if (soonest >= next.signableAt || force === true) return { next, activateAt: soonest }
  // what is booked already is brought forward no further, and is as good as asked for
  if (queue === true || next.activateAt === next.signableAt) return { next, activateAt: next.signableAt }
  throw new KeyturnError('rotation_too_early', 'the next key has not been published for its lead', {
    remedy: `wait until ${new Date(next.signableAt).toISOString()}, or book that time with --queue`,
  })
}

/** @throws {KeyturnError} `clock_in_doubt` */
export function assertClockTrusted(clockTrusted: boolean): void {
  if (clockTrusted) return
  throw new KeyturnError('clock_in_doubt', 'the clock was set, or is behind the last write of the ring', {
    remedy:
      'put the clock right and wait for as long as a key is published before it signs; revoke at any time',
  })
}

/** Brings the activation of the next key forward. */
export function hastenNext(ring: KeyRing, activateAt: number, policy: KeyPolicy, now: number): KeyRing {
  const at = effectiveNow(ring, now)
  const active = activeKey(ring, at)
  const next = findKey(ring, 'next', at)
  const keys = ring.keys.map((key) => {
    if (key === active) return endAt(key, activateAt, policy.timing)
    return key === next ? { ...key, activateAt } : key
  })
  return { ...ring, keys }
}

/** Goes by the kid, not by the clock: a slow write may end after the activation that it decided. */
export function describeRotation(ring: KeyRing, kid: string): Rotation {
  const signer = keyOf(ring, kid)
  const place = ring.keys.indexOf(signer)
  return {
    activeKid: kid,
    previousKid: ring.keys[place - 1]?.kid ?? kid,
    nextKid: ring.keys[place + 1]?.kid ?? null,
    activateAt: signer.activateAt,
  }
}
