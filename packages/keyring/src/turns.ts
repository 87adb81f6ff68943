import { type Clock, orLate } from '@keyturn/core'

/** A write takes milliseconds. One that takes longer may never end. */
const TURN_MS = 5000

interface Waiter {
  readonly isUrgent: boolean
  readonly begin: () => void
}

/**
 * Lets the writers of one process go one after the other, the urgent ones first. Nobody waits long for one that hangs: it goes on
 * beside those that follow, and the store's compare-and-swap keeps them apart as it does processes.
 */
export class Turns {
  readonly #clock: Clock
  readonly #waiting: Waiter[] = []
  #isTaken = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Does the work when its turn comes. */
  async take<T>(work: () => Promise<T>, isUrgent: boolean): Promise<T> {
    if (this.#isTaken) await this.#turn(isUrgent)
    this.#isTaken = true
    const working = work()
    const ended = working.then(
      () => {},
      () => {},
    )
    void orLate(ended, this.#clock, TURN_MS).then(() => this.#passOn())
    return await working
  }

  #turn(isUrgent: boolean): Promise<void> {
    return new Promise((begin) => {
      const patient = isUrgent ? this.#waiting.findIndex((other) => !other.isUrgent) : -1
      this.#waiting.splice(patient === -1 ? this.#waiting.length : patient, 0, { isUrgent, begin })
    })
  }

  /** It stays taken when it is passed on, so that nobody slips in between. */
  #passOn(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#isTaken = false
    else next.begin()
  }
}
