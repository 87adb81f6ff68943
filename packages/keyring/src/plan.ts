import { erasePrivateHalves, type Moment, raiseMaxTtl, rememberExposure } from './changes.ts'
import type { ClockLook } from './clock-guard.ts'
import { stateOf } from './key-record.ts'
import { activeKey, currentExposure, effectiveNow, findKey, inUseUntil, type KeyRing } from './ring.ts'
import { hasRoom } from './set-limit.ts'
import { exposureOf, type KeyPolicy, leadOf, propagationOf, publishedBytes, type Timing } from './timing.ts'

/** A step that is due. What it takes is in it; when it is due was decided by {@link plan}. */
export type Decision =
  | { readonly kind: 'add-next' }
  | { readonly kind: 'erase-private-halves'; readonly kids: readonly string[] }
  | { readonly kind: 'raise-max-ttl'; readonly kids: readonly string[] }
  | { readonly kind: 'remember-exposure' }
  /** Writes the ring once more, so that no generation that a store keeps (`GENERATIONS_KEPT`) holds an erased private half. */
  | { readonly kind: 'scrub' }

/**
 * Says what is due at a moment. Pure: the same ring, policy and moment give the same answer on every replica. Nothing is
 * due while the clock is in doubt; whoever signs goes on.
 *
 * @example
 * plan(ring, policy, { now: Date.now(), wokeAt, clockTrusted: true }) // [{ kind: 'add-next' }]
 */
export function plan(ring: KeyRing, policy: KeyPolicy, moment: Moment): readonly Decision[] {
  if (!moment.clockTrusted) return []
  const now = effectiveNow(ring, moment.now)
  const decisions: Decision[] = []
  if (isExposureDue(ring, policy, moment)) decisions.push({ kind: 'remember-exposure' })
  const raised = kidsToRaise(ring, policy, now)
  if (raised.length > 0) decisions.push({ kind: 'raise-max-ttl', kids: raised })
  const erased = ring.keys.filter((key) => key.privateKey !== null && eraseAt(key, policy) <= now)
  if (erased.length > 0) decisions.push({ kind: 'erase-private-halves', kids: erased.map(({ kid }) => kid) })
  if (findKey(ring, 'next', now) === undefined && hasRoom(ring, publishedBytes(policy), now))
    decisions.push({ kind: 'add-next' })
  if (ring.echoes) decisions.push({ kind: 'scrub' })
  return decisions
}

/** The moment at which a clock was looked at: it is trusted if it did not jump lately, and is not behind the ring. */
export function momentOf(ring: KeyRing, { now, wokeAt, trusted }: ClockLook, timing: Timing): Moment {
  return { now, wokeAt, clockTrusted: trusted && !isClockBehind(ring, now, timing) }
}

/** The clock is set to a time before the last write: the schedule stands still until it has caught up. */
export function isClockBehind(ring: KeyRing, wallClock: number, { clockSkewMs }: Timing): boolean {
  return ring.writtenAt - wallClock > 2 * clockSkewMs
}

/** The ring knows of cache headers as long as those of this policy. Before that they must not be served. */
export function isExposureRecorded(ring: KeyRing, policy: KeyPolicy): boolean {
  const current = currentExposure(ring)
  return current !== undefined && exposureOf(policy.timing) <= current.exposureMs
}

/**
 * There is no next key, and were it made now, the active one would sign beyond its interval: the next rotation is late
 * already. Activations themselves are stored times, and come by themselves.
 *
 * Who woke up within the last two leads has an excuse: the clock may be in doubt for the first, and the second is for retries.
 */
export function isRotationOverdue(
  ring: KeyRing,
  { timing }: KeyPolicy,
  { now: wallClock, wokeAt }: Omit<Moment, 'clockTrusted'>,
): boolean {
  const now = effectiveNow(ring, wallClock)
  if (findKey(ring, 'next', now) !== undefined) return false
  const signableAt = inUseUntil(ring, now) + propagationOf(timing)
  const isLate = signableAt > activeKey(ring, now).activateAt + timing.rotationIntervalMs
  return isLate && now - wokeAt > 2 * leadOf(timing)
}

/** When {@link plan} may have something new to say: an activation, an erasure, a key that goes. `Infinity` for never. */
export function nextPlanAt(ring: KeyRing, policy: KeyPolicy, now: number): number {
  const due = ring.keys.flatMap((key) => [
    key.activateAt,
    key.privateKey === null ? 0 : eraseAt(key, policy),
    key.publishUntil ?? 0,
  ])
  return Math.min(...due.filter((at) => at > now))
}

/** Applies every decision that needs no new key. */
export function applyHousekeeping(
  ring: KeyRing,
  decisions: readonly Decision[],
  policy: KeyPolicy,
  now: number,
): KeyRing {
  let changed = { ...ring }
  for (const decision of decisions) {
    if (decision.kind === 'erase-private-halves') changed = erasePrivateHalves(changed, decision.kids)
    if (decision.kind === 'raise-max-ttl') changed = raiseMaxTtl(changed, decision.kids, policy.timing)
    if (decision.kind === 'remember-exposure') changed = rememberExposure(changed, policy.timing, now)
  }
  return changed
}

/** A key signs no more from `signUntil` on, but a replica may be late to know. */
function eraseAt(key: { readonly signUntil: number | null }, policy: KeyPolicy): number {
  return key.signUntil === null ? Number.POSITIVE_INFINITY : key.signUntil + propagationOf(policy.timing)
}

function kidsToRaise(ring: KeyRing, policy: KeyPolicy, now: number): readonly string[] {
  const wanted = policy.timing.maxTtlMs / 1000
  return ring.keys
    .filter((key) => key.maxTtlSeconds < wanted && ['active', 'next'].includes(stateOf(key, now)))
    .map(({ kid }) => kid)
}

/**
 * A longer exposure is written down at once. A shorter one is, once, by a process that started since: were it taken from
 * whoever runs, two replicas with different settings would overwrite each other for ever.
 */
function isExposureDue(ring: KeyRing, policy: KeyPolicy, { wokeAt }: Moment): boolean {
  const current = currentExposure(ring)
  const wantedMs = exposureOf(policy.timing)
  if (current === undefined || current.exposureMs < wantedMs) return true
  return wantedMs < current.exposureMs && current.servedFrom < wokeAt
}
