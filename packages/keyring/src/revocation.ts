import { KeyturnError } from '@keyturn/core'
import type { Errand } from './audit-trail.ts'
import { endAt, newRecord, tombstone } from './changes.ts'
import type { KeyPair } from './key-pair.ts'
import { type KeyRecord, stateOf } from './key-record.ts'
import { activeKey, effectiveNow, findKey, type KeyRing } from './ring.ts'
import type { KeyPolicy, Timing } from './timing.ts'

/** What an operator says of a revocation. */
export interface RevocationOptions extends Errand {
  /** Why; kept with the key while the ring has it. Default: `revoked`. */
  readonly reason?: string
  /** The store itself leaked: revoke every key whose private half is in it, and sign with a fresh pair. Default `false`. */
  readonly storeLeaked?: boolean
}

/** What is to be done to a ring. */
export interface Revocation {
  readonly kid: string
  readonly reason: string
  /** A pair to sign with where no spare is left; a spare that came meanwhile is better, since verifiers may know it. */
  readonly replacement: KeyPair | undefined
  /** Other keys that go too: their private halves leaked with the store. */
  readonly leakedKids: readonly string[]
}

/** What a revocation leads to. Times in milliseconds. */
export interface RevocationOutcome {
  /** The key that was asked for. */
  readonly revokedKid: string
  /** Every key that this took out of use, the one that was asked for first. */
  readonly revokedKids: readonly string[]
  readonly activeKid: string
  /** By then the last verifier that can reach the key set refuses the revoked keys' tokens. */
  readonly refusedEverywhereBy: number
}

/** The keys that leaked with a store that holds this ring. */
export function leakedWith(ring: KeyRing): readonly string[] {
  return ring.keys.filter(({ privateKey }) => privateKey !== null).map(({ kid }) => kid)
}

/**
 * The keys that a revocation takes out of use: the one that is asked for, first, and the others whose private halves leaked.
 * Whoever asks for one that is out of use does not know the ring as it is: the others may have been made since, because of the
 * same leak.
 *
 * @throws {KeyturnError} `key_not_found` for a kid that the ring never had; `key_already_revoked`, `key_removed` for one that is
 * out of use
 */
export function keysToRevoke(
  ring: KeyRing,
  { kid, leakedKids }: Pick<Revocation, 'kid' | 'leakedKids'>,
): readonly KeyRecord[] {
  const [asked] = ring.keys.filter((key) => key.kid === kid && key.revokedAt === null)
  if (asked === undefined) throw outOfUse(ring, kid)
  const others = ring.keys.filter((key) => key !== asked && key.revokedAt === null)
  return [asked, ...others.filter((key) => leakedKids.includes(key.kid))]
}

function outOfUse(ring: KeyRing, kid: string): KeyturnError {
  const isRevoked = ring.keys.some((key) => key.kid === kid)
  const tomb = ring.tombstones.find((candidate) => candidate.kid === kid)
  const remedy = 'for all that the store holds, name a key that is in use; see: keyturn keys list'
  if (isRevoked || tomb?.fate === 'revoked')
    return new KeyturnError('key_already_revoked', 'that key is revoked already', { remedy })
  if (tomb === undefined) {
    return new KeyturnError('key_not_found', 'the ring never had such a key', {
      remedy: 'see: keyturn keys list',
    })
  }
  const message = 'that key has left the ring, and no token of it is good'
  return new KeyturnError('key_removed', message, { remedy })
}

/**
 * Takes keys out of use and out of the set at once. Where that leaves nobody to sign, the spare does from now on, or the
 * replacement; `undefined` where there is neither.
 *
 * @throws {KeyturnError} what {@link keysToRevoke} throws
 */
export function revokeKey(
  ring: KeyRing,
  revocation: Revocation,
  policy: KeyPolicy,
  now: number,
): KeyRing | undefined {
  const at = effectiveNow(ring, now)
  const going = keysToRevoke(ring, revocation)
  const isGone = (key: KeyRecord) => going.includes(key)
  const neverSigned = (key: KeyRecord) => at <= key.activateAt
  const staying = ring.keys
    .filter((key) => !(isGone(key) && neverSigned(key)))
    .map((key) => (isGone(key) ? revoked(key, at, revocation.reason) : key))
  const next = findKey({ ...ring, keys: staying }, 'next', at)
  const signs = staying.some((key) => stateOf(key, at) === 'active')
  const tombstones = ring.keys
    .filter((key) => isGone(key) && neverSigned(key))
    .map((key) => tombstone(key, at))
  const replacement = next === undefined ? revocation.replacement : undefined
  const keys = settleSuccession(staying, { signs, next, replacement }, policy, at)
  return keys && { ...ring, keys, tombstones: [...ring.tombstones, ...tombstones] }
}

/** Makes sure that somebody signs at `at`, and that the key that does ends when its successor begins; where somebody can. */
function settleSuccession(
  keys: readonly KeyRecord[],
  who: { signs: boolean; next: KeyRecord | undefined; replacement: KeyPair | undefined },
  policy: KeyPolicy,
  at: number,
): readonly KeyRecord[] | undefined {
  if (who.signs) {
    // the spare was revoked: whoever signs goes on until there is another
    return keys.map((key) =>
      stateOf(key, at) === 'active' && who.next === undefined
        ? { ...key, signUntil: null, publishUntil: null }
        : key,
    )
  }
  const ended = keys.map((key) =>
    key.signUntil === null || key.signUntil > at ? endUnless(key, who.next, at, policy.timing) : key,
  )
  if (who.replacement !== undefined) {
    return [
      ...ended,
      newRecord(who.replacement, 'emergency', policy, { now: at, signableAt: at, activateAt: at }),
    ]
  }
  if (who.next === undefined) return undefined
  return ended.map((key) => (key === who.next ? { ...key, activateAt: at } : key))
}

function endUnless(key: KeyRecord, spared: KeyRecord | undefined, at: number, timing: Timing): KeyRecord {
  return key === spared ? key : endAt(key, at, timing)
}

/** Who signs after a revocation, and whether that key does so before its lead because of it. */
export function successionOf(
  before: KeyRing,
  after: KeyRing,
): { readonly activeKid: string; readonly early: boolean } {
  const at = after.writtenAt
  const active = activeKey(after, at)
  const isNew = active.kid !== activeKey(before, at).kid
  return { activeKid: active.kid, early: isNew && (active.origin === 'emergency' || at < active.signableAt) }
}

function revoked(key: KeyRecord, at: number, reason: string): KeyRecord {
  return { ...key, privateKey: null, revokedAt: at, revokedReason: reason }
}
