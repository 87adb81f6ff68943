import { KeyturnError } from '@keyturn/core'
import type { KeyRecord } from './key-record.ts'
import type { KeyRing } from './ring.ts'

/**
 * Asserts that a key of this ring may sign these claims for so long: it promised to be published until such a token has
 * expired, and no longer.
 *
 * @throws {KeyturnError} `ring_held`, `ttl_invalid`, `ttl_too_long`, `claims_reserved`
 */
export function assertSignable(ring: KeyRing, key: KeyRecord, claims: object, ttlSeconds: number): void {
  if (ring.held !== null) {
    throw new KeyturnError(
      'ring_held',
      'the ring came out of a backup, and signs nothing until it is confirmed',
      { remedy: 'keyturn keys restore FILE --confirm' },
    )
  }
  if (!Number.isSafeInteger(ttlSeconds) || ttlSeconds < 1) {
    throw new KeyturnError('ttl_invalid', 'expected a lifetime of at least one second, in whole seconds')
  }
  if (ttlSeconds > key.maxTtlSeconds) {
    throw new KeyturnError('ttl_too_long', `expected a lifetime of at most ${key.maxTtlSeconds} seconds`, {
      remedy: 'raise the longest token lifetime and restart',
    })
  }
  if ('exp' in claims || 'iat' in claims) {
    throw new KeyturnError('claims_reserved', 'expected claims without exp and iat: they are set here')
  }
}

/**
 * Asserts that what this process knows of the ring is not too old to sign by.
 *
 * @throws {KeyturnError} `ring_stale`
 */
export function assertFresh(ageMs: number, maxAgeMs: number): void {
  if (ageMs <= maxAgeMs) return
  throw new KeyturnError(
    'ring_stale',
    'the ring was last seen in the store too long ago to sign by: a key of it may have been revoked',
    { remedy: 'make the key store reachable from here' },
  )
}
