import { KeyturnError } from '@keyturn/core'
import { addNext, type Moment, newRecord } from './changes.ts'
import { type KeyPair, publishedJwk } from './key-pair.ts'
import type { KeyRecord } from './key-record.ts'
import { assertClockTrusted } from './manual-rotation.ts'
import { effectiveNow, findKey, inUseUntil, type KeyRing } from './ring.ts'
import { assertRoom } from './set-limit.ts'
import { type KeyPolicy, propagationOf } from './timing.ts'

/** What came of an import. Times in milliseconds. */
export interface KeyImport {
  readonly kid: string
  readonly alg: string
  /** From then on it signs; `KeyManager.rotate` brings that forward. */
  readonly activateAt: number
  /** The key that it replaces: it never signed, and is gone. `null` where there was no next key. */
  readonly replacedKid: string | null
}

/**
 * Makes a key from elsewhere the next one. It signs when the one that it replaces would have, and no other time moves; without
 * one, when a next key that is made now would.
 *
 * @throws {KeyturnError} `clock_in_doubt`; `key_known` for a kid that the ring has or had; `import_too_late` when it cannot be
 * published for its lead before the next key signs; `set_full`
 */
export function importKey(
  ring: KeyRing,
  pair: KeyPair,
  policy: KeyPolicy,
  moment: Moment,
): Pick<KeyImport, 'replacedKid'> & { readonly ring: KeyRing } {
  assertClockTrusted(moment.clockTrusted)
  assertUnknown(ring, pair.kid)
  const now = effectiveNow(ring, moment.now)
  const next = findKey(ring, 'next', now)
  const others = { ...ring, keys: ring.keys.filter((key) => key !== next) }
  assertRoom(others, bytesOf(pair), now)
  if (next === undefined) {
    return { ring: addNext(ring, pair, policy, moment, 'imported'), replacedKid: null }
  }
  const signableAt = inUseUntil(ring, now) + propagationOf(policy.timing)
  assertInTime(next, signableAt)
  const { activateAt } = next
  const imported = newRecord(pair, 'imported', policy, { now, signableAt, activateAt })
  const keys = ring.keys.map((key) => (key === next ? imported : key))
  const tombstones = [...ring.tombstones, { kid: next.kid, fate: 'removed', at: now } as const]
  return { ring: { ...ring, keys, tombstones }, replacedKid: next.kid }
}

/** A kid is never reused: a key that was in use, or was revoked, has had its time. */
function assertUnknown(ring: KeyRing, kid: string): void {
  const isKnown = [...ring.keys, ...ring.tombstones].some((known) => known.kid === kid)
  if (!isKnown) return
  throw new KeyturnError('key_known', 'the ring has this key, or had it, and takes no key twice', {
    remedy: 'see: keyturn keys list',
  })
}

/**
 * Up to a lead before the handover, a replica may be about to sign with the key that would be taken away; and the other would
 * sign before every verifier knows it.
 */
function assertInTime(next: KeyRecord, signableAt: number): void {
  if (signableAt <= next.activateAt) return
  throw new KeyturnError(
    'import_too_late',
    'the next key signs before the imported one would be published for its lead',
    { remedy: `import it after ${new Date(next.activateAt).toISOString()}, when that key signs` },
  )
}

function bytesOf(pair: KeyPair): number {
  return Buffer.byteLength(JSON.stringify(publishedJwk(pair, Number.MAX_SAFE_INTEGER))) + 1
}
