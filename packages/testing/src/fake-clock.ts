import type { Clock } from '@keyturn/core'

/** A {@link Clock} that stands still until a test moves it. */
export interface FakeClock extends Clock {
  /** Moves both clocks on, fires the timers on the way in order, and lets what they began settle. */
  advance(ms: number): Promise<void>
  /** Moves the wall clock alone, as NTP or an operator does. */
  jump(ms: number): void
  /** How many timers are waiting. */
  readonly pendingTimers: number
}

interface Timer {
  readonly at: number
  readonly callback: () => void
}

/**
 * Makes a clock for tests.
 *
 * @param startMs - What `now()` says at first; 2026-01-01T00:00:00Z by default.
 *
 * @example
 * const clock = fakeClock()
 * const keys = await KeyManager.open({ store, policy, clock })
 * await clock.advance(86_400_000)
 */
export function fakeClock(startMs = Date.UTC(2026, 0, 1)): FakeClock {
  let monotonic = 0
  let offset = startMs
  const timers = new Set<Timer>()
  const due = (until: number) => [...timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0]
  return {
    now: () => monotonic + offset,
    monotonicNow: () => monotonic,
    setTimer(callback, delayMs) {
      const timer = { at: monotonic + Math.max(0, delayMs), callback }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    async advance(ms) {
      const until = monotonic + ms
      await settle()
      for (let timer = due(until); timer !== undefined; timer = due(until)) {
        timers.delete(timer)
        monotonic = Math.max(monotonic, timer.at)
        timer.callback()
        await settle()
      }
      monotonic = until
    },
    jump(ms) {
      offset += ms
    },
    get pendingTimers() {
      return timers.size
    },
  }
}

/** Promise chains over memory settle within a few turns of the loop. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}
