import { KeyturnError } from '@keyturn/core'
import { type KeyRecord, type KeyState, stateOf } from './key-record.ts'
import { mayHaveLetGo, type Tombstone } from './tombstones.ts'

/** All keys of one authority at one generation: an immutable value. */
export interface KeyRing {
  /** Tells this ring from one that was created in its place. */
  readonly ringId: string
  /** Counts the writes, from 1. */
  readonly generation: number
  /**
   * The last generation whose write changed the published set. What time alone changes in the set, at the same instant on
   * every replica (a key begins to sign, or has ended), leaves it as it is: neither set is older than the other.
   */
  readonly publishedVersion: number
  /** Wall clock of the last write; time never counts as earlier than that. */
  readonly writtenAt: number
  /** Ordered by `activateAt`; removed ones go at the next write. */
  readonly keys: readonly KeyRecord[]
  /** Kids that may not come back, in the order in which their keys went. */
  readonly tombstones: readonly Tombstone[]
  /** For how long the sets that were served may be in use. */
  readonly exposures: readonly Exposure[]
  /** The generation before, which a store may keep, still holds a private half that is gone from this one. */
  readonly echoes: boolean
  /** The backup that it came out of; it signs nothing until an operator confirms it, and this is `null`. */
  readonly held: BackupMark | null
  /** Where the audit log says what the last write did; `null` where there is no log. */
  readonly audit: AuditMark | null
}

/** Tells one backup of a ring from another. */
export interface BackupMark {
  readonly generation: number
  readonly writtenAt: number
}

/** The place of a record in an audit log. */
export interface AuditMark {
  readonly log: string
  readonly seq: number
  readonly hash: string
}

/** Sets served from `servedFrom` until `servedUntil` (`null`: to this day) may be in use for `exposureMs` after. */
export interface Exposure {
  readonly exposureMs: number
  readonly servedFrom: number
  readonly servedUntil: number | null
}

/** The key in a state of which there is at most one. */
export function findKey(ring: KeyRing, state: 'active' | 'next', now: number): KeyRecord | undefined {
  return ring.keys.find((key) => stateOf(key, now) === state)
}

/** The key that signs at `now`. @throws {KeyturnError} `no_active_key` */
export function activeKey(ring: KeyRing, now: number): KeyRecord {
  const key = findKey(ring, 'active', now)
  if (key === undefined) throw new KeyturnError('no_active_key', 'the ring has no active key')
  return key
}

/** The key of a kid, whatever its state. @throws {KeyturnError} `key_not_found` */
export function keyOf(ring: KeyRing, kid: string): KeyRecord {
  const key = ring.keys.find((it) => it.kid === kid)
  if (key === undefined) throw new KeyturnError('key_not_found', 'the ring has no such key')
  return key
}

/** Keys that verifiers must know at `now`: active, next and retired. */
export function publishedKeys(ring: KeyRing, now: number): readonly KeyRecord[] {
  return ring.keys.filter((key) => isPublished(stateOf(key, now)))
}

/** Says whether a key in this state is in the published set. */
export function isPublished(state: KeyState): boolean {
  return state === 'active' || state === 'next' || state === 'retired'
}

/** Time never runs behind the last write: a clock set back must not make an active key `next` again. */
export function effectiveNow(ring: KeyRing, now: number): number {
  return Math.max(now, ring.writtenAt)
}

/** For how long the sets that are served today may be in use. */
export function currentExposure(ring: KeyRing): Exposure | undefined {
  return ring.exposures.find(({ servedUntil }) => servedUntil === null)
}

/**
 * The last moment, over all sets ever served, at which a set served no later than `servedAt` may be in use.
 */
export function inUseUntil(ring: Pick<KeyRing, 'exposures'>, servedAt: number): number {
  return Math.max(...ring.exposures.map((exposure) => exposureEnd(exposure, servedAt)), servedAt)
}

/** When the last set served under this exposure has died, if none is served after `lastServedAt`. */
export function exposureEnd({ servedUntil, exposureMs }: Exposure, lastServedAt: number): number {
  return Math.min(servedUntil ?? lastServedAt, lastServedAt) + exposureMs
}

/**
 * Asserts that a ring is what another one became: no key lost without a tombstone, nothing revoked come back (design,
 * invariants 9 and 10).
 *
 * @throws {KeyturnError} `ring_replaced`
 */
export function assertFollows(before: KeyRing, after: KeyRing): void {
  const buried = new Set(after.tombstones.map(({ kid }) => kid))
  const later = new Map(after.keys.map((key) => [key.kid, key]))
  const goesOn = ({ kid, revokedAt }: KeyRecord) => {
    const key = later.get(kid)
    return key === undefined ? buried.has(kid) : revokedAt === null || key.revokedAt === revokedAt
  }
  const follows =
    after.ringId === before.ringId &&
    after.generation > before.generation &&
    before.tombstones.every((it) => buried.has(it.kid) || mayHaveLetGo(after.tombstones, it)) &&
    before.keys.every(goesOn)
  if (follows) return
  throw ringReplaced()
}

/** What is in the store cannot have come of the ring that this process has. */
export function ringReplaced(): KeyturnError {
  return new KeyturnError(
    'ring_replaced',
    'the store holds no ring, another one, or an older one than this process has',
    { remedy: 'stop every process of the authority, put the right folder back, start again' },
  )
}

/**
 * Asserts what must hold of every ring that is written or read, whatever happened (design, invariants 3, 6 and 11).
 *
 * @throws {KeyturnError} `ring_invariant_broken`: a bug, or a file that somebody edited
 */
export function assertRing(ring: KeyRing, now: number): void {
  const at = effectiveNow(ring, now)
  const holds = (condition: boolean, law: string) => {
    if (!condition) throw new KeyturnError('ring_invariant_broken', `the ring must have ${law}`)
  }
  const states = ring.keys.map((key) => stateOf(key, at))
  holds(states.filter((state) => state === 'active').length === 1, 'exactly one active key')
  holds(states.filter((state) => state === 'next').length <= 1, 'at most one next key')
  holds(activeKey(ring, at).privateKey !== null, 'the private half of its active key')
  const next = findKey(ring, 'next', at)
  holds(next?.privateKey !== null, 'the private half of its next key')
  holds(activeKey(ring, at).signUntil === (next?.activateAt ?? null), 'no gap between active and next')
  const kids = new Set([...ring.keys, ...ring.tombstones].map(({ kid }) => kid))
  holds(kids.size === ring.keys.length + ring.tombstones.length, 'every kid once')
  for (const [index, key] of ring.keys.entries()) {
    const successor = ring.keys[index + 1]
    holds(successor === undefined || key.activateAt < successor.activateAt, 'its keys in order')
    holds(
      successor === undefined || (key.signUntil ?? Infinity) <= successor.activateAt,
      'one signer at a time',
    )
    holds(successor !== undefined || key.signUntil === null, 'an open end')
    holds(key.revokedAt === null || key.privateKey === null, 'no private half of a revoked key')
    holds(
      (key.signUntil === null) === (key.publishUntil === null),
      'an end of publication for each end of signing',
    )
    holds(
      key.signUntil === null || (key.publishUntil ?? 0) >= key.signUntil + key.maxTtlSeconds * 1000,
      'keys published as long as their tokens live',
    )
  }
  holds(
    ring.exposures.some(({ servedUntil }) => servedUntil === null),
    'a record of what is served',
  )
}
