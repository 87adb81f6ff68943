import type { JwkSetDocument } from '@keyturn/core'

/** A key set that was served, and until when a verifier may still go by it. */
interface CachedSet {
  readonly document: JwkSetDocument
  readonly kids: ReadonlyMap<string, number>
  lastServedAt: number
  usableUntil: number
}

/** A kid whose tokens must be accepted. */
interface OwedKid {
  until: number
  /** Sets that were served for the last time before then need not hold the key: it was used in an emergency. */
  excusedBefore: number
}

/**
 * Every verifier that there could be: each set that was ever served is in somebody's cache for as long as its headers allow,
 * and everybody is shown every token. Whatever one real verifier can see, the crowd sees.
 */
export class Crowd {
  readonly #sets = new Map<JwkSetDocument, CachedSet>()
  readonly #owed = new Map<string, OwedKid>()
  readonly #refusedBy = new Map<string, number>()

  /** Somebody fetches a set, and may go by it for so long. */
  serve(document: JwkSetDocument, at: number, exposureMs: number): void {
    const known = this.#sets.get(document)
    if (known !== undefined) {
      known.lastServedAt = at
      known.usableUntil = Math.max(known.usableUntil, at + exposureMs)
      return
    }
    const kids = new Map(
      document.keys.map(({ kid, exp }) => [kid, exp === undefined ? Infinity : exp * 1000]),
    )
    this.#sets.set(document, { document, kids, lastServedAt: at, usableUntil: at + exposureMs })
  }

  /** A token of this kid is good until then. */
  owe(kid: string, until: number): void {
    if (this.#refusedBy.has(kid)) return
    const owed = this.#owed.get(kid)
    if (owed === undefined) this.#owed.set(kid, { until, excusedBefore: Number.NEGATIVE_INFINITY })
    else owed.until = Math.max(owed.until, until)
  }

  /** This key signs before its lead, and that was wanted: sets of until now need not hold it. */
  excuse(kid: string, at: number): void {
    this.owe(kid, at)
    const owed = this.#owed.get(kid)
    if (owed !== undefined) owed.excusedBefore = Math.max(owed.excusedBefore, at)
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
    return [...this.#owed].filter(([, { until }]) => now < until).map(([kid]) => kid)
  }

  /** What some verifier gets wrong now: a good token refused, or one of a revoked key accepted. */
  *complaints(now: number): Generator<string> {
    for (const [document, set] of this.#sets) {
      if (set.usableUntil <= now) {
        this.#sets.delete(document)
        continue
      }
      for (const [kid, owed] of this.#owed) {
        if (owed.until <= now) this.#owed.delete(kid)
        else if ((set.kids.get(kid) ?? 0) <= now && set.lastServedAt >= owed.excusedBefore) {
          yield `2: a verifier that fetched ${now - set.lastServedAt} ms ago refuses a good token of ${kid.slice(0, 6)}`
        }
      }
      for (const [kid, by] of this.#refusedBy) {
        if (by < now && (set.kids.get(kid) ?? 0) > now) {
          yield `9: a verifier that fetched ${now - set.lastServedAt} ms ago accepts the revoked ${kid.slice(0, 6)}`
        }
      }
    }
  }
}
