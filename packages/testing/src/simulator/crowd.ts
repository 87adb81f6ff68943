import type { JwkSetDocument } from '@keyturn/core'

/** A key set that was served, and until when a verifier may still go by it. */
interface CachedSet {
  readonly document: JwkSetDocument
  readonly kids: ReadonlyMap<string, number>
  lastServedAt: number
  /** Of when what its server knew was. */
  knownAt: number
  usableUntil: number
}

/** When a set was served, and how. */
export interface Serving {
  readonly at: number
  readonly knownAt: number
  readonly exposureMs: number
}

/**
 * Every verifier that there could be: each set that was ever served is in somebody's cache for as long as its headers allow,
 * and everybody is shown every token. Whatever one real verifier can see, the crowd sees.
 */
export class Crowd {
  readonly #sets = new Map<JwkSetDocument, CachedSet>()
  /** Until when tokens of a kid are good. */
  readonly #owed = new Map<string, number>()
  /** Sets of servers that know nothing later than that need not hold the kid. */
  readonly #excusedBefore = new Map<string, number>()
  /** By when tokens of a revoked kid are refused. */
  readonly #refusedBy = new Map<string, number>()

  /** Somebody fetches a set from a server that knows the storage as of `knownAt`, and may go by it for so long. */
  serve(document: JwkSetDocument, { at, knownAt, exposureMs }: Serving): void {
    const known = this.#sets.get(document)
    if (known !== undefined) {
      known.lastServedAt = at
      known.knownAt = Math.max(known.knownAt, knownAt)
      known.usableUntil = Math.max(known.usableUntil, at + exposureMs)
      return
    }
    const kids = new Map(
      document.keys.map(({ kid, exp }) => [kid, exp === undefined ? Infinity : exp * 1000]),
    )
    this.#sets.set(document, { document, kids, lastServedAt: at, knownAt, usableUntil: at + exposureMs })
  }

  /** A token of this kid is good until then. */
  owe(kid: string, until: number): void {
    if (!this.#refusedBy.has(kid)) this.#owed.set(kid, Math.max(until, this.#owed.get(kid) ?? 0))
  }

  /** This key signs before its lead, and that was wanted: whoever has not heard since then need not hold it. */
  excuse(kid: string, before: number): void {
    this.#excusedBefore.set(kid, Math.max(before, this.#excusedBefore.get(kid) ?? 0))
  }

  /** From now on nobody owes anything to tokens of this kid, and by then nobody accepts them. */
  revoke(kid: string, refusedBy: number): void {
    this.#owed.delete(kid)
    this.#refusedBy.set(kid, Math.min(refusedBy, this.#refusedBy.get(kid) ?? Number.POSITIVE_INFINITY))
  }

  /** Some replica could not hear of the revocation in time, so no promise was made for those who ask it. */
  releaseFromPromise(kid: string): void {
    this.#refusedBy.set(kid, Number.POSITIVE_INFINITY)
  }

  /** Kids whose tokens must be accepted now. */
  owedKids(now: number): readonly string[] {
    for (const [kid, until] of this.#owed) if (until <= now) this.#owed.delete(kid)
    return [...this.#owed.keys()]
  }

  /** What some verifier gets wrong now: a good token refused, or one of a revoked key accepted. */
  *complaints(now: number): Generator<string> {
    const owed = this.owedKids(now)
    for (const [document, set] of this.#sets) {
      if (set.usableUntil <= now) {
        this.#sets.delete(document)
        continue
      }
      for (const kid of owed) {
        const isExcused = set.knownAt <= (this.#excusedBefore.get(kid) ?? 0)
        if ((set.kids.get(kid) ?? 0) > now || isExcused) continue
        yield `2: a verifier that fetched ${now - set.lastServedAt} ms ago refuses a good token of ${kid.slice(0, 6)}`
      }
      for (const [kid, by] of this.#refusedBy) {
        if (by < now && (set.kids.get(kid) ?? 0) > now) {
          yield `9: a verifier that fetched ${now - set.lastServedAt} ms ago accepts the revoked ${kid.slice(0, 6)}`
        }
      }
    }
  }
}
