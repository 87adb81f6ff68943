import type { KeyObject } from 'node:crypto'
import type { AlgorithmName, PublicJwk } from '@keyturn/core'

/** A key of the ring. Times are absolute milliseconds, fixed when they are decided. Immutable. */
export interface KeyRecord {
  /** RFC 7638 thumbprint of the public half. */
  readonly kid: string
  readonly alg: AlgorithmName
  readonly publicJwk: PublicJwk
  /** The private half; `null` once nobody can need it any more. A KeyObject prints and serializes as nothing. */
  readonly privateKey: KeyObject | null
  readonly origin: KeyOrigin
  readonly createdAt: number
  readonly publishedAt: number
  /** From then on no set without this key is in use anywhere: the lead has passed. */
  readonly signableAt: number
  readonly activateAt: number
  /** When the successor takes over; `null` while there is none. */
  readonly signUntil: number | null
  /** When the last token has expired; `null` while `signUntil` is. */
  readonly publishUntil: number | null
  /** The longest lifetime of a token that may be signed with this key. */
  readonly maxTtlSeconds: number
  readonly revokedAt: number | null
  /** The operator's words. */
  readonly revokedReason: string | null
}

/** How a key came to be: with the ring, on schedule, in an emergency, or from elsewhere. */
export type KeyOrigin = 'first' | 'scheduled' | 'emergency' | 'imported'

/** State of a key, derived from its times. */
export type KeyState = 'next' | 'active' | 'retired' | 'revoked' | 'removed'

/**
 * The state of a key at an instant. Never stored, so that nothing can disagree with it.
 *
 * @example
 * ring.keys.filter((key) => stateOf(key, Date.now()) === 'active')
 */
export function stateOf(key: KeyRecord, now: number): KeyState {
  if (key.revokedAt !== null) return 'revoked'
  if (now < key.activateAt) return 'next'
  if (key.signUntil === null || now < key.signUntil) return 'active'
  if (key.publishUntil === null || now < key.publishUntil) return 'retired'
  return 'removed'
}
