import { type KeyRing, stateOf } from '@keyturn/keyring'
import type { Crowd } from './crowd.ts'

/** Times of a key that are fixed when it is made. */
const FIXED = ['createdAt', 'publishedAt', 'signableAt', 'alg', 'origin'] as const

/** Looks at every ring that is written, and says what must never be written. Knows nothing of how rings are made. */
export class RingWatch {
  readonly #everSeen = new Set<string>()
  readonly #gone = new Set<string>()
  #last: KeyRing | undefined;

  /** `byOperator`: a command may have moved an activation. */
  *complaints(ring: KeyRing, now: number, crowd: Crowd, byOperator: boolean): Generator<string> {
    const before = this.#last
    this.#last = ring
    if (before !== undefined && ring.generation !== before.generation + 1) {
      yield `10: generation ${ring.generation} follows ${before.generation}`
    }
    yield* this.#strangeKeys(ring, before)
    const at = Math.max(now, ring.writtenAt)
    const states = ring.keys.map((key) => stateOf(key, at))
    if (states.filter((state) => state === 'active').length !== 1) yield `3: ${states.join(' ')}`
    if (states.filter((state) => state === 'next').length > 1) yield `3: ${states.join(' ')}`
    for (const kid of crowd.owedKids(now)) {
      const key = ring.keys.find((candidate) => candidate.kid === kid)
      if (key === undefined || ['removed', 'revoked'].includes(stateOf(key, at))) {
        yield `6: a write drops ${kid.slice(0, 6)}, whose tokens are good`
      }
    }
    if (before !== undefined && !byOperator) yield* movedTimes(before, ring)
  }

  *#strangeKeys(ring: KeyRing, before: KeyRing | undefined): Generator<string> {
    const kids = new Set(ring.keys.map(({ kid }) => kid))
    for (const { kid } of before?.keys ?? []) if (!kids.has(kid)) this.#gone.add(kid)
    const made = [...kids].filter((kid) => !this.#everSeen.has(kid))
    for (const kid of kids) {
      this.#everSeen.add(kid)
      if (this.#gone.has(kid)) yield `10: ${kid.slice(0, 6)} comes back`
    }
    if (before !== undefined && made.length > 1) yield `8: one write adds ${made.length} keys`
    for (const key of before?.keys ?? []) {
      const after = ring.keys.find(({ kid }) => kid === key.kid)
      if (key.revokedAt !== null && after !== undefined && after.revokedAt === null)
        yield `9: ${key.kid.slice(0, 6)} is no more revoked`
      if (key.privateKey === null && after !== undefined && after.privateKey !== null)
        yield `8: ${key.kid.slice(0, 6)} has its private half again`
    }
  }
}

/** A time that was fixed stays, whatever happens by itself: only `publishUntil` may grow. */
function* movedTimes(before: KeyRing, after: KeyRing): Generator<string> {
  for (const key of before.keys) {
    const now = after.keys.find(({ kid }) => kid === key.kid)
    if (now === undefined) continue
    const name = key.kid.slice(0, 6)
    for (const time of FIXED) if (now[time] !== key[time]) yield `7: ${time} of ${name} moves`
    if (now.activateAt !== key.activateAt) yield `7: activateAt of ${name} moves`
    if (key.signUntil !== null && now.signUntil !== key.signUntil) yield `7: signUntil of ${name} moves`
    if (key.publishUntil !== null && (now.publishUntil ?? 0) < key.publishUntil)
      yield `7: publishUntil of ${name} shrinks`
    if (now.maxTtlSeconds < key.maxTtlSeconds) yield `7: the promise of ${name} shrinks`
  }
}
