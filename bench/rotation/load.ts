import { type LoopDelay, watchLoop } from '../measuring/loop-delay.ts'
import { percentile } from '../measuring/statistics.ts'
import type { TurningAuthority } from './turning-authority.ts'

/** A stretch of time in which an authority signs so many tokens a second, whether or not it keeps up. */
export interface Window extends LoopDelay {
  /** From the call to the signature. */
  readonly signP99Ms: number
  /** From the instant at which the call was due: what kept the call itself waiting counts too. */
  readonly dueP99Ms: number
  readonly signatures: number
  readonly rotations: number
}

/** What happens in a {@link Window}. */
export interface WindowTerms {
  readonly perSecond: number
  readonly windowMs: number
  /** At most so often a key turns; 0 for one after the other, `Infinity` for none. */
  readonly everyMs: number
}

/** Signs at an even rate, and meanwhile turns keys. */
export async function measureWindow(
  authority: TurningAuthority,
  { perSecond, windowMs, everyMs }: WindowTerms,
): Promise<Window> {
  const startedAt = performance.now()
  const elapsed = () => performance.now() - startedAt
  const before = authority.rotations
  const signTimes: number[] = []
  const dueTimes: number[] = []
  const signOne = async (dueAt: number) => {
    const calledAt = elapsed()
    await authority.sign()
    signTimes.push(elapsed() - calledAt)
    dueTimes.push(elapsed() - dueAt)
  }
  const turn = async () => {
    for (let dueAt = 0; dueAt < windowMs; dueAt = Math.max(dueAt + everyMs, elapsed())) {
      await sleep(Math.max(0, dueAt - elapsed()))
      await authority.rotate()
    }
  }
  const loop = watchLoop()
  const turning = everyMs === Infinity ? Promise.resolve() : turn()
  const signing: Promise<void>[] = []
  while (elapsed() < windowMs) {
    for (let due = signing.length; due < (elapsed() * perSecond) / 1000; due++) {
      signing.push(signOne((due * 1000) / perSecond))
    }
    await sleep(1)
  }
  await Promise.all([turning, ...signing])
  return {
    ...loop.stop(),
    signP99Ms: percentile(signTimes, 99),
    dueP99Ms: percentile(dueTimes, 99),
    signatures: signTimes.length,
    rotations: authority.rotations - before,
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
