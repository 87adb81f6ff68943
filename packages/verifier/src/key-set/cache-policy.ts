/** Within what the verifier lets a key set's headers decide, in milliseconds. */
export interface CacheBounds {
  readonly minMs: number
  readonly maxMs: number
  /** Without `Cache-Control`. */
  readonly defaultMs: number
}

/** The headers of a key set that say how long it is fresh (RFC 9111, sections 5.1 and 5.2.2). */
export interface CacheHeaders {
  readonly cacheControl: string | undefined
  readonly age: string | undefined
}

const MAX_AGE = /(?:^|,)\s*max-age\s*=\s*"?(\d{1,10})"?\s*(?:,|$)/i
const AGE = /^\d{1,10}$/
const NOT_CACHED = /(?:^|,)\s*(?:no-store|no-cache)\s*(?:,|=|$)/i

/** How long a key set is fresh: `max-age` less `Age`, within the bounds. */
export function freshForMs({ cacheControl, age }: CacheHeaders, bounds: CacheBounds): number {
  const clamp = (ms: number) => Math.min(Math.max(ms, bounds.minMs), bounds.maxMs)
  if (cacheControl?.match(NOT_CACHED)) return bounds.minMs
  const maxAge = cacheControl?.match(MAX_AGE)?.[1]
  if (maxAge === undefined) return clamp(bounds.defaultMs)
  const ageSeconds = age?.match(AGE)?.[0] ?? 0
  return clamp((Number(maxAge) - Number(ageSeconds)) * 1000)
}

/** What decides when a set that was just fetched is asked for again. */
export interface RefreshTerms {
  readonly freshMs: number
  /** Until the next key signs; `Infinity` where that was not said. */
  readonly untilActivationMs: number
  /** Never sooner, save for a set that is fresh for less. */
  readonly minMs: number
  /** Spreads the replicas of a service; 0 to 1. */
  readonly random: number
}

const HANDOVER_LEAD_MS = 30_000

/**
 * How long after a fetch to ask again: at 70 to 80 % of the cache time, so that replicas spread and none is ever late; or half a
 * minute to a minute before the next key signs, where the set would otherwise be in use across that.
 */
export function refreshInMs({ freshMs, untilActivationMs, minMs, random }: RefreshTerms): number {
  const regularMs = Math.floor(freshMs * (0.8 - 0.1 * random))
  const beforeHandoverMs = untilActivationMs - HANDOVER_LEAD_MS * (1 + random)
  const isAcross = untilActivationMs < freshMs && beforeHandoverMs >= minMs
  return isAcross ? Math.min(beforeHandoverMs, regularMs) : regularMs
}
