import { JWK_SET_LIMITS, KeyturnError } from '@keyturn/core'
import { publishedSet } from './published-set.ts'
import { type KeyRing, publishedKeys } from './ring.ts'

/**
 * Verifiers take the set with one key more, of so many bytes. A policy sees to that for rotations by the schedule; manual ones
 * come on top, and then the next key has to wait until an older one goes.
 */
export function hasRoom(ring: KeyRing, keyBytes: number, now: number): boolean {
  const { document } = publishedSet(ring, now)
  const bytes = Buffer.byteLength(JSON.stringify(document)) + keyBytes
  return document.keys.length < JWK_SET_LIMITS.keys && bytes <= JWK_SET_LIMITS.signableBytes
}

/** @throws {KeyturnError} `set_full`, with when a key goes */
export function assertRoom(ring: KeyRing, keyBytes: number, now: number): void {
  if (hasRoom(ring, keyBytes, now)) return
  const ends = publishedKeys(ring, now).flatMap(({ publishUntil }) => publishUntil ?? [])
  throw new KeyturnError('set_full', 'the key set holds as many keys, or bytes, as verifiers take', {
    remedy:
      ends.length === 0
        ? 'take a smaller key'
        : `wait until a key has gone, at ${new Date(Math.min(...ends)).toISOString()}`,
  })
}
