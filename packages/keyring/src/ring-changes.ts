import type { PublicJwk } from '@keyturn/core'
import type { KeyRecord } from './key-record.ts'
import type { KeyRing } from './ring.ts'

/** One thing that a write changes: what the audit log says of it, and what events tell. Times in milliseconds. */
export type RingChange =
  | {
      readonly change: 'key-created'
      readonly kid: string
      readonly alg: string
      readonly origin: string
      readonly publicJwk: PublicJwk
      readonly signableAt: number
      readonly activateAt: number
    }
  | { readonly change: 'key-rescheduled'; readonly kid: string; readonly activateAt: number }
  | {
      readonly change: 'key-ends'
      readonly kid: string
      readonly signUntil: number | null
      readonly publishUntil: number | null
    }
  | { readonly change: 'key-revoked'; readonly kid: string; readonly reason: string | null }
  | { readonly change: 'key-erased' | 'key-removed'; readonly kid: string }
  | { readonly change: 'max-ttl-raised'; readonly kid: string; readonly maxTtlSeconds: number }
  | { readonly change: 'exposure-changed'; readonly exposureMs: readonly number[] }
  | { readonly change: 'ring-held' | 'ring-confirmed' }

/**
 * Says what of a ring is another in the one that follows it; all of it, for a ring that is new. `reason` is that of keys which
 * are revoked before they signed.
 */
export function changesBetween(
  before: KeyRing | undefined,
  after: KeyRing,
  reason: string | null = null,
): readonly RingChange[] {
  const earlier = new Map(before?.keys.map((key) => [key.kid, key]))
  const exposures = ({ exposures: all }: KeyRing) => all.map(({ exposureMs }) => exposureMs)
  const changes: RingChange[] = after.keys.flatMap((key) => changesOf(earlier.get(key.kid), key))
  for (const { kid, fate } of newTombstones(before, after)) {
    changes.push(fate === 'removed' ? { change: 'key-removed', kid } : { change: 'key-revoked', kid, reason })
  }
  if (before !== undefined && String(exposures(before)) !== String(exposures(after))) {
    changes.push({ change: 'exposure-changed', exposureMs: exposures(after) })
  }
  if ((before?.held ?? null) !== after.held) {
    changes.push({ change: after.held === null ? 'ring-confirmed' : 'ring-held' })
  }
  return changes
}

function changesOf(before: KeyRecord | undefined, { kid, ...after }: KeyRecord): readonly RingChange[] {
  if (before === undefined) {
    const { alg, origin, publicJwk, signableAt, activateAt } = after
    return [{ change: 'key-created', kid, alg, origin, publicJwk, signableAt, activateAt }]
  }
  const changes: RingChange[] = []
  const { activateAt, signUntil, publishUntil, maxTtlSeconds, revokedReason: reason } = after
  const isRevoked = before.revokedAt === null && after.revokedAt !== null
  if (before.activateAt !== activateAt) changes.push({ change: 'key-rescheduled', kid, activateAt })
  if (before.signUntil !== signUntil || before.publishUntil !== publishUntil) {
    changes.push({ change: 'key-ends', kid, signUntil, publishUntil })
  }
  if (isRevoked) changes.push({ change: 'key-revoked', kid, reason })
  if (before.privateKey !== null && after.privateKey === null && !isRevoked) {
    changes.push({ change: 'key-erased', kid })
  }
  if (before.maxTtlSeconds !== maxTtlSeconds) changes.push({ change: 'max-ttl-raised', kid, maxTtlSeconds })
  return changes
}

/** A key that had not signed yet leaves nothing but its tombstone when it is revoked. */
function newTombstones(before: KeyRing | undefined, after: KeyRing) {
  const known = new Set(before?.tombstones.map(({ kid }) => kid))
  const revoked = new Set(before?.keys.filter((key) => key.revokedAt !== null).map(({ kid }) => kid))
  return after.tombstones.filter(
    ({ kid, fate }) => !known.has(kid) && !(fate === 'revoked' && revoked.has(kid)),
  )
}
