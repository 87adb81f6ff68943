import type { Clock } from './ports.ts'

/** A moment, by both clocks. */
export interface Instant {
  readonly monotonic: number
  readonly wall: number
}

/** What both clocks say now. */
export function instantOf(clock: Clock): Instant {
  return { monotonic: clock.monotonicNow(), wall: clock.now() }
}

/**
 * How long it may be since then, in milliseconds: the longer of what the clocks say. The monotonic clock stands still while the
 * machine sleeps, and the wall clock may be set back.
 */
export function elapsedMs(since: Instant, now: Instant): number {
  return Math.max(now.monotonic - since.monotonic, now.wall - since.wall)
}
