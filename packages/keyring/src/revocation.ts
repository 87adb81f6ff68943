import { KeyturnError } from '@keyturn/core'
import type { KeyPair } from './key-pair.ts'
import type { KeyRecord } from './key-record.ts'
import { activeKey, type KeyRing } from './ring.ts'

/** What an operator says of a revocation. */
export interface RevocationOptions {
  /** Why; kept with the key while the ring has it. */
  readonly reason: string
  /** The store itself leaked: revoke every key whose private half is in it, and sign with a fresh pair. Default `false`. */
  readonly storeLeaked?: boolean
}

/** What is to be done to a ring. */
export interface Revocation {
  readonly kid: string
  readonly reason: string
  /** A pair to sign with where no spare is left; a spare that came meanwhile is better, since verifiers may know it. */
  readonly replacement: KeyPair | undefined
  /** The store itself leaked: every key whose private half it still holds goes too. */
  readonly storeLeaked: boolean
}

/** What a revocation leads to. Times in milliseconds. */
export interface RevocationOutcome {
  /** The key that was asked for. */
  readonly revokedKid: string
  /** Every key that this took out of use, the one that was asked for first; it is missing where it was out of use before. */
  readonly revokedKids: readonly string[]
  readonly activeKid: string
  /** By then the last verifier that can reach the key set refuses the revoked keys' tokens. */
  readonly refusedEverywhereBy: number
}

/**
 * The keys that a revocation takes out of use: the one that is asked for, first, and the others whose private halves leaked.
 *
 * @throws {KeyturnError} `key_not_found` for a kid that the ring never had; `key_already_revoked`, `key_removed` where the
 * one that is asked for is out of use, and no other is to go
 */
export function keysToRevoke(
  ring: KeyRing,
  { kid, storeLeaked }: Pick<Revocation, 'kid' | 'storeLeaked'>,
): readonly KeyRecord[] {
  const asked = ring.keys.filter((key) => key.kid === kid)
  const tomb = ring.tombstones.find((candidate) => candidate.kid === kid)
  if (asked.length === 0 && tomb === undefined) {
    throw new KeyturnError('key_not_found', 'the ring never had such a key', {
      remedy: 'see: keyturn keys list',
    })
  }
  const leaked = ring.keys.filter((key) => storeLeaked && key.kid !== kid && key.privateKey !== null)
  const going = [...asked.filter(({ revokedAt }) => revokedAt === null), ...leaked]
  if (going.length > 0) return going
  throw tomb?.fate === 'removed'
    ? new KeyturnError('key_removed', 'that key has left the ring, and its last token has expired')
    : new KeyturnError('key_already_revoked', 'that key is revoked already')
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
