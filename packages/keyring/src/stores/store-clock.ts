import type { Clock } from '@keyturn/core'
import type { KeyStore } from './key-store.ts'

/** The time by which things are decided: the store's, where it has a clock of its own. */
export function storeNow({ store, clock }: { store: KeyStore; clock: Clock }): number {
  return clock.now() + aheadOf(store)
}

/** By how many milliseconds the clock that decides is ahead of this machine's. */
export function aheadOf({ clockAheadMs = 0 }: KeyStore): number {
  return clockAheadMs
}

/** What a store said of its clock, and the readings of this machine's around that. Milliseconds since the epoch. */
export interface ClockReading {
  readonly askedAt: number
  readonly storeTime: number
  readonly heardAt: number
}

/**
 * By how much the clock of a store is ahead of this machine's, of all that a reading allows what is nearest to what was
 * believed before. So a slow answer changes nothing, and clocks that agree stay in agreement whatever the network adds.
 */
export function clockAhead(believedMs: number, { askedAt, storeTime, heardAt }: ClockReading): number {
  const [least, most] = [storeTime - heardAt, storeTime - askedAt]
  // the clock of this machine was set back in between
  if (least > most) return believedMs
  return Math.min(Math.max(believedMs, least), most)
}
