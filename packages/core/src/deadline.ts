import type { Clock } from './ports.ts'

/** What {@link orLate} says of work that has not ended in time. */
export const LATE = Symbol('late')

/** What work came to, or {@link LATE} once that many milliseconds have passed. The work goes on, and the caller answers for it. */
export async function orLate<T>(work: Promise<T>, clock: Clock, withinMs: number): Promise<T | typeof LATE> {
  let cancel = () => {}
  const late = new Promise<typeof LATE>((resolve) => {
    cancel = clock.setTimer(() => resolve(LATE), withinMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    cancel()
  }
}
