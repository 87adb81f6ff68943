import { deepFreeze, type JwkSetDocument, type PublishedJwk } from '@keyturn/core'
import { publishedJwk } from './key-pair.ts'
import type { KeyRecord } from './key-record.ts'
import { effectiveNow, findKey, type KeyRing, publishedKeys } from './ring.ts'

/** The key set of a ring at an instant, and between which instants it is the same. */
export interface PublishedSet {
  readonly document: JwkSetDocument
  readonly changedAt: number
  readonly changesAt: number
}

/** What a set says of its keys. */
interface PublishedContent {
  readonly keys: readonly PublishedJwk[]
  readonly next: { readonly next_activation?: number }
}

/** Writes down what verifiers may know. While the clock is in doubt no key has ended. */
export function publishedSet(ring: KeyRing, wallClock: number, isInDoubt = false): PublishedSet {
  const now = effectiveNow(ring, wallClock)
  const { keys, next } = contentOf(ring, now, isInDoubt)
  const document: JwkSetDocument = {
    keys,
    keyturn: { ring: ring.ringId, version: ring.publishedVersion, ...next },
  }
  const changes = ring.keys.flatMap((key) => [key.activateAt, key.publishUntil ?? key.activateAt])
  return Object.freeze({
    document: deepFreeze(document),
    changedAt: Math.max(...changes.filter((at) => at <= now)),
    changesAt: Math.min(...changes.filter((at) => at > now)),
  })
}

/** Says whether two rings publish the same at an instant, but for the version. */
export function publishesTheSame(one: KeyRing, other: KeyRing, now: number): boolean {
  return JSON.stringify(contentOf(one, now)) === JSON.stringify(contentOf(other, now))
}

/** Remembers the set, so that its readers' caches can hang on the identity of the document. */
export class PublishedSets {
  #last: { readonly ring: KeyRing; readonly isInDoubt: boolean; readonly set: PublishedSet } | undefined

  /** The same frozen object until its content changes, also through writes that change nothing for verifiers. */
  at(ring: KeyRing, now: number, isInDoubt = false): JwkSetDocument {
    const last = this.#last
    if (last?.ring === ring && last.isInDoubt === isInDoubt && isCurrent(last.set, now))
      return last.set.document
    const set = keepIdentity(last?.set, publishedSet(ring, now, isInDoubt))
    this.#last = { ring, isInDoubt, set }
    return set.document
  }
}

/** Public halves, their ends, and when the next key is going to sign. */
function contentOf(ring: KeyRing, now: number, isInDoubt = false): PublishedContent {
  const keys = isInDoubt ? ring.keys.filter(({ revokedAt }) => revokedAt === null) : publishedKeys(ring, now)
  const next = findKey(ring, 'next', now)
  return {
    keys: keys.map((key) => publishedJwk(key, finalEndOf(key))),
    next: next === undefined ? {} : { next_activation: ceilSeconds(next.activateAt) },
  }
}

function keepIdentity(before: PublishedSet | undefined, after: PublishedSet): PublishedSet {
  const same = before !== undefined && JSON.stringify(before.document) === JSON.stringify(after.document)
  return same ? { ...after, document: before.document } : after
}

/** A clock that was ahead and is put right must not leave the set of a time that has not come. */
function isCurrent(set: PublishedSet, now: number): boolean {
  return set.changedAt <= now && now < set.changesAt
}

/**
 * The end of a key is final once its private half is gone: before that a replica whose clock is behind may still take it for
 * active, and promise a longer lifetime for it.
 */
function finalEndOf(key: KeyRecord): number | undefined {
  const isFinal = key.privateKey === null && key.publishUntil !== null
  return isFinal ? ceilSeconds(key.publishUntil) : undefined
}

function ceilSeconds(ms: number): number {
  return Math.ceil(ms / 1000)
}
