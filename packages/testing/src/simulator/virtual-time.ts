/** The time that a simulation is about: it stands still while anything happens, and jumps from event to event. */
export class VirtualTime {
  readonly #events: { readonly at: number; readonly order: number; readonly callback: () => void }[] = []
  readonly #observe: (when: 'before' | 'after') => void
  #now: number
  #order = 0

  /** `observe` is called right after everything that happens, and right before it where time has passed. */
  constructor(startMs: number, observe: (when: 'before' | 'after') => void) {
    this.#now = startMs
    this.#observe = observe
  }

  /** Milliseconds since the epoch, as an infallible clock would have them. */
  get now(): number {
    return this.#now
  }

  /** When the next event is due; `Infinity` when none is. */
  get nextEventAt(): number {
    return this.#events[0]?.at ?? Number.POSITIVE_INFINITY
  }

  /** Calls back after a delay; events of one instant keep their order. Returns what cancels it. */
  schedule(delayMs: number, callback: () => void): () => void {
    const event = { at: this.#now + Math.max(0, Math.round(delayMs)), order: this.#order++, callback }
    let low = 0
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >> 1
      const other = this.#events[middle]
      if (other !== undefined && other.at <= event.at) low = middle + 1
      else high = middle
    }
    this.#events.splice(low, 0, event)
    return () => {
      const index = this.#events.indexOf(event)
      if (index >= 0) this.#events.splice(index, 1)
    }
  }

  /** Lets everything happen that is due by then, or until somebody says that it is over. */
  async runUntil(untilMs: number, isOver: () => boolean): Promise<void> {
    // whoever waits for the loop of this process, a signal for one, has a turn now and then
    await new Promise((resolve) => setImmediate(resolve))
    while (this.nextEventAt <= untilMs && !isOver()) {
      const event = this.#events.shift()
      if (event === undefined) break
      if (event.at > this.#now) {
        this.#now = event.at
        this.#observe('before')
      }
      event.callback()
      await settle()
      this.#observe('after')
    }
    if (isOver()) return
    this.#now = Math.max(this.#now, untilMs)
    this.#observe('after')
  }
}

/** A tick comes when every promise that can go on has gone on. A turn of the loop would too, and asks the system each time. */
async function settle(): Promise<void> {
  await new Promise<void>((resolve) => process.nextTick(resolve))
}
