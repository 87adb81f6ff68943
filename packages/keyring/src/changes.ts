import type { KeyPair } from './key-pair.ts'
import type { KeyOrigin, KeyRecord } from './key-record.ts'
import { publishesTheSame } from './published-set.ts'
import { activeKey, type Exposure, effectiveNow, exposureEnd, inUseUntil, type KeyRing } from './ring.ts'
import { exposureOf, graceOf, type KeyPolicy, propagationOf, type Timing } from './timing.ts'
import { type Tombstone, worthKeeping } from './tombstones.ts'

/**
 * What happens to a ring on schedule. Every change is pure: it takes a ring and gives the one that follows it. Times come out of
 * design.md, section Time. What an operator does to it is in manual-rotation.ts, revocation.ts and key-import.ts.
 */

/** When a change is made, and what is known of the clock. */
export interface Moment {
  /** Wall clock. */
  readonly now: number
  /** When this process began to watch the ring: an activation before that happened unattended. */
  readonly wokeAt: number
  /** Wall clock and monotonic clock agree, so that irreversible steps may be taken. */
  readonly clockTrusted: boolean
}

/** A ring with an active key and a spare, both in every set that is ever served. */
export function createRing(
  ringId: string,
  pairs: { readonly first: KeyPair; readonly spare: KeyPair },
  policy: KeyPolicy,
  now: number,
): KeyRing {
  const firstRecord = newRecord(pairs.first, 'first', policy, { now, signableAt: now, activateAt: now })
  const activateAt = now + policy.timing.rotationIntervalMs
  const spare = newRecord(pairs.spare, 'first', policy, { now, signableAt: now, activateAt })
  return freeze({
    ringId,
    generation: 1,
    publishedVersion: 1,
    writtenAt: now,
    keys: [endAt(firstRecord, activateAt, policy.timing), spare],
    tombstones: [],
    exposures: [{ exposureMs: exposureOf(policy.timing), servedFrom: now, servedUntil: null }],
    echoes: false,
    held: null,
    audit: null,
  })
}

/** Publishes a key that will sign a whole interval after the active one, and not before its lead has passed. */
export function addNext(
  ring: KeyRing,
  pair: KeyPair,
  policy: KeyPolicy,
  moment: Moment,
  origin: KeyOrigin = 'scheduled',
): KeyRing {
  const now = effectiveNow(ring, moment.now)
  const active = activeKey(ring, now)
  const signableAt = inUseUntil(ring, now) + propagationOf(policy.timing)
  const due = Math.max(active.activateAt, moment.wokeAt) + policy.timing.rotationIntervalMs
  const next = newRecord(pair, origin, policy, { now, signableAt, activateAt: Math.max(due, signableAt) })
  return replaceKeys(ring, [
    ...ring.keys.map((key) => (key === active ? endAt(key, next.activateAt, policy.timing) : key)),
    next,
  ])
}

/** Drops private halves that nobody can need any more. */
export function erasePrivateHalves(ring: KeyRing, kids: readonly string[]): KeyRing {
  return replaceKeys(
    ring,
    ring.keys.map((key) => (kids.includes(key.kid) ? { ...key, privateKey: null } : key)),
  )
}

/** Reserves a longer token lifetime on the keys that still sign or will. */
export function raiseMaxTtl(ring: KeyRing, kids: readonly string[], timing: Timing): KeyRing {
  return replaceKeys(
    ring,
    ring.keys.map((key) => {
      if (!kids.includes(key.kid)) return key
      const raised = { ...key, maxTtlSeconds: timing.maxTtlMs / 1000 }
      if (key.signUntil === null) return raised
      return { ...raised, publishUntil: Math.max(key.publishUntil ?? 0, key.signUntil + graceOf(timing)) }
    }),
  )
}

/** Takes note that sets are from now on served with the headers of this policy, and that older ones live on. */
export function rememberExposure(ring: KeyRing, timing: Timing, now: number): KeyRing {
  const at = effectiveNow(ring, now)
  const current: Exposure = { exposureMs: exposureOf(timing), servedFrom: at, servedUntil: null }
  // by the clock of whoever served them last, which may be behind
  const servedUntil = at + 2 * timing.clockSkewMs
  const ended = ring.exposures.map((it) => ({ ...it, servedUntil: it.servedUntil ?? servedUntil }))
  const outlived = (it: Exposure) =>
    [...ended, current].some((other) => other.exposureMs >= it.exposureMs && servedLonger(other, it))
  return { ...ring, exposures: [...ended.filter((it) => !outlived(it)), current] }
}

function servedLonger(one: Exposure, other: Exposure): boolean {
  return (one.servedUntil ?? Infinity) > (other.servedUntil ?? Infinity)
}

/**
 * Makes of a changed ring the generation after `before`: counted, dated, and rid of what has ended.
 */
export function nextGeneration(before: KeyRing, changed: KeyRing, moment: Moment): KeyRing {
  const now = effectiveNow(before, moment.now)
  const removed = moment.clockTrusted ? changed.keys.filter((key) => hasEnded(key, now)) : []
  const keys = changed.keys.filter((key) => !removed.includes(key))
  const generation = before.generation + 1
  const held = before.keys.filter((key) => key.privateKey !== null)
  return freeze({
    ...changed,
    keys,
    generation,
    writtenAt: now,
    publishedVersion: publishesTheSame(before, changed, now) ? before.publishedVersion : generation,
    tombstones: worthKeeping([...changed.tombstones, ...removed.map((key) => tombstone(key, now))]),
    exposures: changed.exposures.filter((it) => it.servedUntil === null || exposureEnd(it, now) > now),
    echoes: held.some(({ kid }) => keys.every((key) => key.kid !== kid || key.privateKey === null)),
  })
}

/** A revoked key is shown until the day on which it would have gone anyway. */
function hasEnded(key: KeyRecord, now: number): boolean {
  return key.publishUntil !== null && key.publishUntil <= now
}

/** The same key, which signs until then, and is published as long as its tokens live. */
export function endAt(key: KeyRecord, signUntil: number, timing: Timing): KeyRecord {
  return { ...key, signUntil, publishUntil: signUntil + key.maxTtlSeconds * 1000 + timing.graceSkewMs }
}

/** What is left of a key that leaves the ring. */
export function tombstone(key: KeyRecord, at: number): Tombstone {
  return { kid: key.kid, fate: key.revokedAt === null && hasEnded(key, at) ? 'removed' : 'revoked', at }
}

/** A key that is published from now on. */
export function newRecord(
  pair: KeyPair,
  origin: KeyOrigin,
  policy: KeyPolicy,
  times: { readonly now: number; readonly signableAt: number; readonly activateAt: number },
): KeyRecord {
  return {
    ...pair,
    origin,
    createdAt: times.now,
    publishedAt: times.now,
    signableAt: times.signableAt,
    activateAt: times.activateAt,
    signUntil: null,
    publishUntil: null,
    maxTtlSeconds: policy.timing.maxTtlMs / 1000,
    revokedAt: null,
    revokedReason: null,
  }
}

function replaceKeys(ring: KeyRing, keys: readonly KeyRecord[]): KeyRing {
  return { ...ring, keys }
}

function freeze(ring: KeyRing): KeyRing {
  for (const key of ring.keys) Object.freeze(key)
  Object.freeze(ring.keys)
  return Object.freeze(ring)
}
