import { RefetchBudget } from './refetch-budget.ts'

const BUDGET = Object.freeze({ size: 2, refillMs: 5000 })
const MEMORY_MS = 10_000
const REMEMBERED = 1000

/**
 * What kids that are in no set may cost: a bounded number of fetches in any time, and none for a kid that was looked for
 * in vain just now. Times are of the monotonic clock.
 */
export class UnknownKids {
  readonly #budget: RefetchBudget
  readonly #soughtAt = new Map<string, number>()
  readonly #onOverBudget: () => void
  #isOverBudget = false

  constructor(nowMs: number, onOverBudget: () => void) {
    this.#budget = new RefetchBudget({ ...BUDGET, nowMs })
    this.#onOverBudget = onOverBudget
  }

  /** Says whether a kid was looked for in vain a moment ago. It may have been published since, so not for long. */
  isRemembered(kid: string, nowMs: number): boolean {
    return nowMs - (this.#soughtAt.get(kid) ?? -Infinity) < MEMORY_MS
  }

  remember(kid: string, nowMs: number): void {
    if (this.#soughtAt.size >= REMEMBERED) this.#soughtAt.clear()
    this.#soughtAt.set(kid, nowMs)
  }

  /** Takes one attempt out of the budget. Who guesses kids is reported once a window, not once a guess. */
  takeAttempt(nowMs: number): boolean {
    const isTaken = this.#budget.take(nowMs)
    if (!isTaken && !this.#isOverBudget) this.#onOverBudget()
    this.#isOverBudget = !isTaken
    return isTaken
  }
}
