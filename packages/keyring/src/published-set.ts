import { deepFreeze, type JwkSetDocument } from '@keyturn/core'
import { publishedJwk } from './key-pair.ts'
import { effectiveNow, findKey, type KeyRing, publishedKeys } from './ring.ts'

/** The key set of a ring at an instant, and until when it stays so. */
export interface PublishedSet {
  readonly document: JwkSetDocument
  readonly changesAt: number
}

/** Writes down what verifiers may know: public halves, their ends, and when the next key is going to sign. */
export function publishedSet(ring: KeyRing, wallClock: number): PublishedSet {
  const now = effectiveNow(ring, wallClock)
  const keys = publishedKeys(ring, now)
  const next = findKey(ring, 'next', now)
  const document: JwkSetDocument = {
    keys: keys.map((key) =>
      publishedJwk(key, key.publishUntil === null ? undefined : ceilSeconds(key.publishUntil)),
    ),
    keyturn: {
      ring: ring.ringId,
      version: ring.publishedVersion,
      ...(next === undefined ? {} : { next_activation: ceilSeconds(next.activateAt) }),
    },
  }
  const ahead = keys.flatMap((key) => [key.activateAt, key.publishUntil ?? 0]).filter((at) => at > now)
  return Object.freeze({ document: deepFreeze(document), changesAt: Math.min(...ahead) })
}

function ceilSeconds(ms: number): number {
  return Math.ceil(ms / 1000)
}
