import type { JwkSet, VerificationKey } from '@keyturn/core'

/** Where a set came from. */
export type KeySetOrigin = 'remote' | 'snapshot' | 'pinned'

/** A set in use. Times are of the monotonic clock. */
export interface HeldSet {
  readonly set: JwkSet
  readonly origin: KeySetOrigin
  readonly etag: string | undefined
  /** As it came; kept where it is to be written down. */
  readonly body: Uint8Array | undefined
  readonly askedAt: number
  readonly freshUntil: number
  readonly usableUntil: number
  readonly keys: ReadonlyMap<string, HeldKey>
}

/** A key of a set in use. */
export interface HeldKey {
  readonly key: VerificationKey
  /** Whatever the wall clock is set to meanwhile; `Infinity` while no end is published. */
  readonly endsAt: number
}

/** What a set is held for. */
export interface HoldingTerms extends Pick<HeldSet, 'set' | 'origin' | 'etag' | 'body' | 'askedAt'> {
  readonly freshMs: number
  readonly staleMs: number
  /** What the clocks say now. */
  readonly wallNow: number
  readonly monotonicNow: number
}

/** Holds a set from now on. */
export function holdSet({ freshMs, staleMs, wallNow, monotonicNow, ...held }: HoldingTerms): HeldSet {
  const keys = new Map<string, HeldKey>()
  for (const [kid, key] of held.set.keys) {
    keys.set(kid, { key, endsAt: monotonicNow + key.expiresAt - wallNow })
  }
  // a signed set ends when it says, fresh or not
  const endsAt = monotonicNow + (held.set.signature?.expiresAt ?? Number.POSITIVE_INFINITY) - wallNow
  const freshUntil = Math.min(held.askedAt + freshMs, endsAt)
  return { ...held, freshUntil, usableUntil: Math.min(freshUntil + staleMs, endsAt), keys }
}

/** The key of a kid; `undefined` when it is not there, or nothing of the set may be used any more. One that has ended says so. */
export function keyIn(held: HeldSet | undefined, kid: string, nowMs: number): VerificationKey | undefined {
  if (!isUsable(held, nowMs)) return undefined
  const found = held.keys.get(kid)
  if (found === undefined || nowMs < found.endsAt) return found?.key
  return { ...found.key, expiresAt: Number.NEGATIVE_INFINITY }
}

export function isFresh(held: HeldSet | undefined, nowMs: number): held is HeldSet {
  return held !== undefined && nowMs < held.freshUntil
}

export function isUsable(held: HeldSet | undefined, nowMs: number): held is HeldSet {
  return held !== undefined && nowMs < held.usableUntil
}
