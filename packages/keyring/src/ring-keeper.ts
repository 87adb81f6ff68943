import { KeyturnError } from '@keyturn/core'
import type { Errand } from './audit-trail.ts'
import { saveAudited } from './audited-save.ts'
import { type Moment, nextGeneration } from './changes.ts'
import { ClockGuard } from './clock-guard.ts'
import { eventsOf } from './events.ts'
import { isClockBehind, isRotationOverdue, momentOf } from './plan.ts'
import { assertFollows, assertRing, effectiveNow, type KeyRing, ringReplaced } from './ring.ts'
import { createAndSave, type RingSurroundings } from './ring-creation.ts'
import { type KeyStore, StoreConflict } from './stores/key-store.ts'
import { aheadOf, storeNow } from './stores/store-clock.ts'
import { leadOf } from './timing.ts'
import { Turns } from './turns.ts'

/** What a ring is to become, and whatever else there is to say of that. */
export interface Change {
  readonly ring: KeyRing
}

/** What there is to say of a change beside what it does. */
export interface Occasion extends Errand {
  /** The operator's words, for the audit log: a key that never signed leaves nothing in the ring that could hold them. */
  readonly reason?: string
  /** Goes before the others that wait. Default `false`. */
  readonly isUrgent?: boolean
}

/** A ring before a change and after it: the same one where there was nothing to change. */
export interface Commit {
  readonly before: KeyRing
  readonly after: KeyRing
}

const CONFLICT_ATTEMPTS = 10
/** A lead counts from the decision, so that one which waited longer than this for the audit log is made anew. */
const STALE_AFTER_MS = 10_000

/** Holds the ring in memory, and is the one way to change it: decide, compare-and-swap; a loser thinks again. */
export class RingKeeper {
  readonly #options: RingSurroundings
  readonly #guard: ClockGuard
  readonly #turns: Turns
  #ring: KeyRing

  private constructor(options: RingSurroundings, ring: KeyRing) {
    const { clock, policy } = options
    this.#options = options
    this.#ring = ring
    this.#turns = new Turns(clock)
    this.#guard = new ClockGuard(clock, {
      toleranceMs: 2 * policy.timing.clockSkewMs,
      holdMs: leadOf(policy.timing),
    })
  }

  /** Loads the ring; creates it where that is asked for and nothing of an installation exists. */
  static async open(options: RingSurroundings, mayCreate: boolean): Promise<RingKeeper> {
    const ring = (await options.store.load()) ?? (mayCreate ? await createAndSave(options) : undefined)
    if (ring === undefined) throw noRingYet(options.store)
    return new RingKeeper(options, ring)
  }

  get ring(): KeyRing {
    return this.#ring
  }

  /** Wall clock of this machine, never behind the last write: handovers come by it, whether the store can be reached or not. */
  get now(): number {
    return effectiveNow(this.#ring, this.#options.clock.now())
  }

  /** The wall clock was set, or the machine slept: what is over by it may not be over. */
  get isClockInDoubt(): boolean {
    return this.#guard.isInDoubt
  }

  /** The schedule stands still until the clock has caught up, see {@link isClockBehind}. */
  get isClockBehind(): boolean {
    return isClockBehind(this.#ring, storeNow(this.#options), this.#options.policy.timing)
  }

  /** This machine's clock and the store's are farther apart than the policy allows for. */
  get isClockOff(): boolean {
    const { store, policy } = this.#options
    return Math.abs(aheadOf(store)) > 2 * policy.timing.clockSkewMs
  }

  /** The next rotation will be late, see {@link isRotationOverdue}. */
  get isRotationOverdue(): boolean {
    const { store, policy } = this.#options
    const wokeAt = this.#guard.wokeAt + aheadOf(store)
    return isRotationOverdue(this.#ring, policy, { now: storeNow(this.#options), wokeAt })
  }

  /**
   * Takes over a newer ring that somebody else wrote, and says whether it did: an older one is ignored.
   *
   * @throws {KeyturnError} `ring_replaced`
   */
  adopt(ring: KeyRing): boolean {
    const isKnown = ring.ringId === this.#ring.ringId && ring.generation <= this.#ring.generation
    if (isKnown) return false
    assertFollows(this.#ring, ring)
    this.#ring = ring
    this.#options.onEvent({ kind: 'ring-adopted', generation: ring.generation })
    return true
  }

  /** How long the wall clock stays in doubt, in milliseconds; 0 when it is not. */
  get doubtMs(): number {
    return this.#guard.doubtMs
  }

  /** Looks at the clocks: the moment at which something may be decided. */
  look(): Moment {
    const look = this.#guard.look()
    if (look.jumpedByMs !== 0) this.#options.onEvent({ kind: 'clock-jumped', byMs: look.jumpedByMs })
    const aheadMs = aheadOf(this.#options.store)
    const moment = { ...look, now: look.now + aheadMs, wokeAt: look.wokeAt + aheadMs }
    return momentOf(this.#ring, moment, this.#options.policy.timing)
  }

  /** This process was stopped: what fell due meanwhile happened unattended. */
  noteWake(): void {
    this.#guard.noteWake()
  }

  /**
   * Changes the ring by compare-and-swap. `change` is pure, and is asked again when somebody else was first; it gives back the
   * ring that it was given to leave things as they are. What else it says, of the attempt that came to something, is passed on.
   * Within this process changes take turns, or each would defeat the others.
   */
  async commit<What extends Change>(
    change: (ring: KeyRing, moment: Moment) => What,
    { isUrgent = false, ...occasion }: Occasion = {},
  ): Promise<Commit & Omit<What, 'ring'>> {
    return await this.#turns.take(() => this.#compareAndSwap(change, occasion), isUrgent)
  }

  /**
   * Reads the store, and says whether there was a newer ring to take over.
   *
   * @throws {KeyturnError} `ring_replaced`, and what the store throws
   */
  async reload(): Promise<boolean> {
    // what is older than the ring of now may just have been on its way while this process wrote
    const { generation } = this.#ring
    const ring = await this.#options.store.load()
    if (ring === undefined || ring.generation < generation) throw ringReplaced()
    return this.adopt(ring)
  }

  async #compareAndSwap<What extends Change>(
    change: (ring: KeyRing, moment: Moment) => What,
    occasion: Occasion,
  ): Promise<Commit & Omit<What, 'ring'>> {
    for (let attempt = 0; attempt < CONFLICT_ATTEMPTS; attempt++) {
      const before = this.#ring
      const moment = this.look()
      const decidedAt = this.#options.clock.monotonicNow()
      const isStale = () => this.#options.clock.monotonicNow() - decidedAt > STALE_AFTER_MS
      const { ring: changed, ...what } = change(before, moment)
      if (changed === before) return { ...what, before, after: before }
      const after = nextGeneration(before, changed, moment)
      assertRing(after, moment.now)
      assertFollows(before, after)
      try {
        const { saved, changes } = await saveAudited(this.#options, after, { ...occasion, before, isStale })
        if (saved.generation > this.#ring.generation) this.#ring = saved
        for (const event of eventsOf(changes, saved.generation)) this.#options.onEvent(event)
        return { ...what, before, after: saved }
      } catch (error) {
        if (!(error instanceof StoreConflict)) throw error
        await this.reload()
      }
    }
    throw new KeyturnError('store_failed', 'the ring is changed by others faster than by this process')
  }
}

function noRingYet({ place }: KeyStore): KeyturnError {
  const where = place === undefined ? '' : ` in ${place}`
  return new KeyturnError('ring_missing', `there is no ring yet${where}`, {
    remedy:
      'name the data folder or the database of the authority; or start the authority once: keyturn serve',
  })
}
