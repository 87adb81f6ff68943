import type { JwkSetDocument } from '@keyturn/core'
import { type Violation, violation } from './violation.ts'

/** A key set that was served, and until when a verifier may still go by it. */
interface CachedSet {
  readonly kids: ReadonlyMap<string, number>
  /** Of these keys alone its server could know; `undefined` when it could know of all. */
  readonly knowable: ReadonlySet<string> | undefined
  servedAt: number
  servedBy: string
  knownAt: number
  usableUntil: number
  /** The crowd has been asked of all that is new until then, and nothing ends in it before. */
  judged: { readonly version: number; readonly until: number } | undefined
}

/** When a set was served, and how. */
export interface Serving {
  readonly at: number
  readonly by: string
  /** Of when what its server knew was. */
  readonly knownAt: number
  readonly exposureMs: number
  /** The server is cut off, and can know of these keys alone. */
  readonly knowable?: ReadonlySet<string> | undefined
}

/**
 * Every verifier that there could be: each set that was ever served is in somebody's cache for as long as its headers allow,
 * and everybody is shown every token. Whatever one real verifier can see, the crowd sees.
 */
export class Crowd {
  readonly #sets = new Map<JwkSetDocument, CachedSet>()
  /** Those of servers that were cut off. */
  readonly #backwardSets = new Map<JwkSetDocument, CachedSet>()
  /** Until when tokens of a kid are good. */
  readonly #owed = new Map<string, number>()
  readonly #publishedAt = new Map<string, number>()
  /** Sets of servers that know nothing later than that need not hold the kid. */
  readonly #excusedBefore = new Map<string, number>()
  /** By when tokens of a revoked kid are refused. */
  readonly #refusedBy = new Map<string, number>()
  readonly #nameOf: (kid: string) => string
  #version = 0

  constructor(nameOf: (kid: string) => string) {
    this.#nameOf = nameOf
  }

  /** A key is in the storage from now on. */
  publish(kid: string, at: number): void {
    if (!this.#publishedAt.has(kid)) this.#publishedAt.set(kid, at)
  }

  publishedAt(kid: string): number {
    return this.#publishedAt.get(kid) ?? Number.POSITIVE_INFINITY
  }

  /** Somebody fetches a set from a server that knows the storage as of `knownAt`, and may go by it for so long. */
  serve(document: JwkSetDocument, { at, by, knownAt, exposureMs, knowable }: Serving): void {
    const sets = knowable === undefined ? this.#sets : this.#backwardSets
    const known = sets.get(document)
    if (known !== undefined) {
      known.servedAt = at
      known.servedBy = by
      if (knownAt > known.knownAt) {
        known.knownAt = knownAt
        if (this.#excusedBefore.size > 0) known.judged = undefined
      }
      known.usableUntil = Math.max(known.usableUntil, at + exposureMs)
      return
    }
    const kids = new Map(
      document.keys.map(({ kid, exp }) => [kid, exp === undefined ? Infinity : exp * 1000]),
    )
    const usableUntil = at + exposureMs
    sets.set(document, {
      kids,
      knowable,
      servedAt: at,
      servedBy: by,
      knownAt,
      usableUntil,
      judged: undefined,
    })
  }

  /** A token of this kid is good until then. */
  owe(kid: string, until: number, now: number): void {
    const before = this.#owed.get(kid)
    if (before !== undefined && before >= until) return
    if (this.#refusedBy.has(kid)) return
    if (before === undefined || before <= now) this.#version += 1
    this.#owed.set(kid, until)
  }

  /** Nobody owes anything to the tokens of this kid that are out. */
  forgive(kid: string): void {
    this.#owed.delete(kid)
  }

  /** This key signs before its lead, and that was wanted: whoever has not heard since then need not hold it. */
  excuse(kid: string, before: number): void {
    this.#excusedBefore.set(kid, Math.max(before, this.#excusedBefore.get(kid) ?? 0))
  }

  /** From now on nobody owes anything to tokens of this kid, and by then nobody accepts them. */
  revoke(kid: string, refusedBy: number): void {
    this.#owed.delete(kid)
    this.#refusedBy.set(kid, Math.min(refusedBy, this.#refusedBy.get(kid) ?? Number.POSITIVE_INFINITY))
    this.#version += 1
  }

  /** Some replica could not hear of the revocation in time, so no promise was made for those who ask it. */
  releaseFromPromise(kid: string): void {
    this.#refusedBy.set(kid, Number.POSITIVE_INFINITY)
  }

  /** A backup does not know that this kid was revoked. */
  reinstate(kid: string): void {
    this.#refusedBy.delete(kid)
    this.#version += 1
  }

  /** Kids whose tokens must be accepted now, and until when. */
  owed(now: number): readonly (readonly [kid: string, until: number])[] {
    return [...this.#owed].filter(([, until]) => until > now)
  }

  /** Kids whose tokens must be accepted now. */
  owedKids(now: number): readonly string[] {
    return this.owed(now).map(([kid]) => kid)
  }

  /** What some verifier gets wrong now: a good token refused, or one of a revoked key accepted. */
  *complaints(now: number): Generator<Violation> {
    for (const sets of [this.#sets, this.#backwardSets]) {
      for (const [document, set] of sets) {
        if (set.usableUntil <= now) sets.delete(document)
        else if (set.judged?.version !== this.#version || set.judged.until <= now)
          yield* this.#judge(set, now)
      }
    }
  }

  *#judge(set: CachedSet, now: number): Generator<Violation> {
    let until = Number.POSITIVE_INFINITY
    for (const [kid, owedUntil] of this.#owed) {
      if (owedUntil <= now) continue
      const end = set.kids.get(kid) ?? 0
      if (end > now) until = Math.min(until, end)
      else if (!this.#isExcused(set, kid)) yield this.#refusal(set, kid, now)
    }
    for (const [kid, by] of this.#refusedBy) {
      if ((set.kids.get(kid) ?? 0) <= now) continue
      if (by >= now) until = Math.min(until, by + 1)
      else
        yield violation('invariant-9', `${this.#verifier(set, now)} accepts the revoked ${this.#nameOf(kid)}`)
    }
    set.judged = { version: this.#version, until }
  }

  #isExcused({ knownAt, knowable }: CachedSet, kid: string): boolean {
    const isUnknowable = knowable !== undefined && !knowable.has(kid)
    return isUnknowable || knownAt <= (this.#excusedBefore.get(kid) ?? 0)
  }

  /** The set is older than the key, which signs too early; or the key is gone from it too early. */
  #refusal(set: CachedSet, kid: string, now: number): Violation {
    const what = `${this.#verifier(set, now)} refuses a good token of ${this.#nameOf(kid)}`
    if (set.knownAt >= this.publishedAt(kid)) return violation('invariant-2', `${what}, which the set lacks`)
    return violation('invariant-1', `${what}, which was published later`)
  }

  #verifier({ servedAt, servedBy, kids }: CachedSet, now: number): string {
    const names = [...kids.keys()].map(this.#nameOf).join(', ')
    return `a verifier that fetched ${names} from ${servedBy} ${now - servedAt} ms ago`
  }
}
