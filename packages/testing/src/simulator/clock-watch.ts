import type { KeyRing } from '@keyturn/keyring'
import type { World } from './world.ts'

const SETTLING_MS = 1000

/**
 * Knows when clocks were wrong by more than every formula reckons with, and what is promised nevertheless (docs/adr/0011). A
 * clock that is right again is not enough: what was written by a wrong one has to grow old first.
 */
export class ClockWatch {
  #unsettledUntil = Number.NEGATIVE_INFINITY
  /** Keys that somebody has ended by a wrong clock, before they signed for the last time. */
  readonly #ended = new Set<string>()

  /** No clock is wrong, nor was less than a lead ago, and the ring is not of the future. */
  isSettled(now: number): boolean {
    return now >= this.#unsettledUntil
  }

  /**
   * Who cannot know that its clock is behind ends a key in the past, or before others can hear of it, which signed since; or
   * revokes the one after it, so that a key signs again that has left the sets.
   */
  lookAtWrite({ storage, time, crowd, policy }: World, before: KeyRing | undefined): void {
    const { writer, ring } = storage
    if (writer === undefined || !writer.hasWrongClock || writer.isInDoubt) return
    for (const { kid, signUntil } of ring?.keys ?? []) {
      const was = before?.keys.find((key) => key.kid === kid)
      if (was === undefined || was.signUntil === signUntil) continue
      if (signUntil === null) crowd.excuse(kid, time.now)
      else if (signUntil <= time.now + policy.timing.storePollMs) this.#ended.add(kid)
    }
  }

  look(world: World): void {
    if (!world.hasSetClocks) return
    const now = world.time.now
    const pastUntil = this.#lookAround(world, now)
    for (const kid of this.#ended) world.crowd.forgive(kid)
    if (this.isSettled(now)) return
    const { crowd, storage } = world
    const keys = storage.ring?.keys ?? []
    // a clock that is set forward hands over at once: it may be that of a machine that slept
    for (const { kid } of keys) {
      const publishedAt = crowd.publishedAt(kid)
      if (publishedAt + world.longestLeadMs > now) crowd.excuse(kid, publishedAt)
    }
    for (const kid of crowd.owedKids(now)) {
      const key = keys.find((candidate) => candidate.kid === kid)
      if (key === undefined || (key.publishUntil ?? Infinity) <= pastUntil) crowd.forgive(kid)
    }
  }

  /** Until when everything is past for somebody who cannot know better. */
  #lookAround({ policy, storage, processes, longestLeadMs }: World, now: number): number {
    const writtenAt = storage.ring?.writtenAt ?? now
    let pastUntil = writtenAt
    let isWrong = writtenAt > now + policy.timing.clockSkewMs
    for (const { clockWrongMs, isMisled, machine } of processes) {
      if (clockWrongMs !== 0) isWrong = true
      if (isMisled) pastUntil = Math.max(pastUntil, machine.wallClock)
    }
    if (isWrong) this.#unsettledUntil = now + longestLeadMs + SETTLING_MS
    return pastUntil
  }
}
