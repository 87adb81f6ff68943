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

/** Signs at an even rate, and meanwhile turns keys one after the other where that is asked for. */
export async function measureWindow(
  authority: TurningAuthority,
  options: { readonly perSecond: number; readonly windowMs: number; readonly isTurning: boolean },
): Promise<Window> {
  const { perSecond, windowMs, isTurning } = options
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
    while (elapsed() < windowMs) await authority.rotate()
  }
  const loop = watchLoop()
  const turning = isTurning ? turn() : Promise.resolve()
  const signing: Promise<void>[] = []
  while (elapsed() < windowMs) {
    for (let due = signing.length; due < (elapsed() * perSecond) / 1000; due++) {
      signing.push(signOne((due * 1000) / perSecond))
    }
    await new Promise((resolve) => setTimeout(resolve, 1))
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
