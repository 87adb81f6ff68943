import {
  type KeyImport,
  type KeyRecord,
  type KeyRing,
  type RevocationOutcome,
  type Rotation,
  stateOf,
} from '@keyturn/keyring'
import { rfc3339 } from './rfc3339.ts'

/** The keys as an operator is shown them, by command and over HTTP. Times are RFC 3339. */

/** A ring, but for keys that have ended. */
export function describeRing(ring: KeyRing, now: number) {
  const keys = ring.keys.map((key) => describeKey(key, now)).filter(({ state }) => state !== 'removed')
  return { generation: ring.generation, held: ring.held !== null, keys }
}

/** What a key is shown as. */
export type DescribedKey = ReturnType<typeof describeKey>

/** Who signs from when on. */
export function describeRotation(rotation: Rotation) {
  return { ...rotation, activateAt: rfc3339(rotation.activateAt) }
}

/** What was revoked, and until when some verifier may not know. */
export function describeRevocation(outcome: RevocationOutcome) {
  return { ...outcome, refusedEverywhereBy: rfc3339(outcome.refusedEverywhereBy) }
}

/** The key that came in, and from when on it signs. */
export function describeImport(outcome: KeyImport) {
  return { ...outcome, activateAt: rfc3339(outcome.activateAt) }
}

function describeKey(key: KeyRecord, now: number) {
  return {
    kid: key.kid,
    alg: key.alg,
    state: stateOf(key, now),
    createdAt: rfc3339(key.createdAt),
    publishedAt: rfc3339(key.publishedAt),
    activateAt: rfc3339(key.activateAt),
    signUntil: rfc3339(key.signUntil),
    publishUntil: rfc3339(key.publishUntil),
    maxTtlSeconds: key.maxTtlSeconds,
    revokedAt: rfc3339(key.revokedAt),
    revokedReason: key.revokedReason,
  }
}
