import { setTimeout as sleep } from 'node:timers/promises'
import { LONGEST_TIMER_MS } from '@keyturn/core'

/** By what it is waited. */
export interface Waiting {
  readonly now: () => number
  readonly sleep: (ms: number) => Promise<unknown>
}

/**
 * Resolves once the wall clock has reached a time. In steps, since a timer that is given more than it can hold fires at once; a clock
 * that is set meanwhile is heeded at the next one.
 */
export async function waitUntil(atMs: number, by: Waiting = { now: Date.now, sleep }): Promise<void> {
  for (let leftMs = atMs - by.now(); leftMs > 0; leftMs = atMs - by.now()) {
    await by.sleep(Math.min(leftMs, LONGEST_TIMER_MS))
  }
}
