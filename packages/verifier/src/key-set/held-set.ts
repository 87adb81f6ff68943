import { elapsedMs, type Instant, type JwkSet, type VerificationKey } from '@keyturn/core'

/** Where a set came from. */
export type KeySetOrigin = 'remote' | 'snapshot' | 'pinned'

/** A set in use. How long it and its keys are good is reckoned from when it was asked for. */
export interface HeldSet {
  readonly set: JwkSet
  readonly origin: KeySetOrigin
  readonly etag: string | undefined
  /** Of the answer that it came in: a 304 without one leaves it as it was (RFC 9111, section 4.3.4). */
  readonly cacheControl: string | undefined
  /** As it came; kept where it is to be written down. */
  readonly body: Uint8Array | undefined
  readonly askedAt: Instant
  readonly freshMs: number
  readonly usableMs: number
  readonly keys: ReadonlyMap<string, HeldKey>
}

/** A key of a set in use. */
export interface HeldKey {
  readonly key: VerificationKey
  /** Whatever the wall clock is set back to meanwhile; `Infinity` while no end is published. */
  readonly goodForMs: number
}

/** What a set is held for. */
export interface HoldingTerms
  extends Pick<HeldSet, 'set' | 'origin' | 'etag' | 'cacheControl' | 'body' | 'askedAt' | 'freshMs'> {
  readonly staleMs: number
}

/** Holds a set from when it was asked for. */
export function holdSet({ freshMs, staleMs, ...held }: HoldingTerms): HeldSet {
  const { wall } = held.askedAt
  const keys = new Map<string, HeldKey>()
  for (const [kid, key] of held.set.keys) keys.set(kid, { key, goodForMs: key.expiresAt - wall })
  // a signed set ends when it says, fresh or not
  const endsInMs = (held.set.signature?.expiresAt ?? Number.POSITIVE_INFINITY) - wall
  const fresh = Math.min(freshMs, endsInMs)
  return { ...held, freshMs: fresh, usableMs: Math.min(fresh + staleMs, endsInMs), keys }
}

/** The key of a kid; `undefined` when it is not there, or nothing of the set may be used any more. One that has ended says so. */
export function keyIn(held: HeldSet | undefined, kid: string, now: Instant): VerificationKey | undefined {
  if (held === undefined) return undefined
  const ageMs = elapsedMs(held.askedAt, now)
  if (ageMs >= held.usableMs) return undefined
  const found = held.keys.get(kid)
  if (found === undefined || ageMs < found.goodForMs) return found?.key
  return { ...found.key, expiresAt: Number.NEGATIVE_INFINITY }
}

export function isFresh(held: HeldSet | undefined, now: Instant): held is HeldSet {
  return held !== undefined && elapsedMs(held.askedAt, now) < held.freshMs
}

export function isUsable(held: HeldSet | undefined, now: Instant): held is HeldSet {
  return held !== undefined && elapsedMs(held.askedAt, now) < held.usableMs
}
