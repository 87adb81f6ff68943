import { KeyturnError } from '@keyturn/core'
import type { Errand } from './audit-trail.ts'
import { saveAudited } from './audited-save.ts'
import { addNext, type Moment, nextGeneration } from './changes.ts'
import { ClockGuard } from './clock-guard.ts'
import { eventsOf } from './events.ts'
import type { KeyPair } from './key-pair.ts'
import {
  applyHousekeeping,
  type Decision,
  isClockBehind,
  isRotationOverdue,
  momentOf,
  nextPlanAt,
  plan,
} from './plan.ts'
import {
  activeKey,
  assertFollows,
  assertRing,
  effectiveNow,
  findKey,
  type KeyRing,
  ringReplaced,
} from './ring.ts'
import { createAndSave, type RingSurroundings } from './ring-creation.ts'
import { assertRoom } from './set-limit.ts'
import { StoreConflict } from './stores/key-store.ts'
import { aheadOf, storeNow } from './stores/store-clock.ts'
import { leadOf, publishedBytes } from './timing.ts'
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
/** Housekeeping comes to rest after two writes; more means that it never would. */
const PLAN_ROUNDS = 5
/** A lead counts from the decision, so that one which waited longer than this for the audit log is made anew. */
const STALE_AFTER_MS = 10_000

/** Holds the ring in memory, and is the one way to change it: plan, change, compare-and-swap; a loser thinks again. */
export class RingKeeper {
  readonly #options: RingSurroundings
  readonly #guard: ClockGuard
  readonly #turns: Turns
  #ring: KeyRing
  #activeKid: string
  #due: readonly Decision['kind'][] = []

  private constructor(options: RingSurroundings, ring: KeyRing) {
    const { clock, policy } = options
    this.#options = options
    this.#ring = ring
    this.#turns = new Turns(clock)
    this.#guard = new ClockGuard(clock, {
      toleranceMs: 2 * policy.timing.clockSkewMs,
      holdMs: leadOf(policy.timing),
    })
    this.#activeKid = activeKey(ring, effectiveNow(ring, clock.now())).kid
  }

  /** Loads the ring; creates it where that is asked for and nothing of an installation exists. */
  static async open(options: RingSurroundings, mayCreate: boolean): Promise<RingKeeper> {
    const ring = (await options.store.load()) ?? (mayCreate ? await createAndSave(options) : undefined)
    if (ring === undefined) {
      throw new KeyturnError('ring_missing', 'there is no ring yet', {
        remedy: 'start the authority once: keyturn serve',
      })
    }
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

  /** What {@link maintain} did last, or failed to do. */
  get due(): readonly Decision['kind'][] {
    return this.#due
  }

  /** This process was stopped: what fell due meanwhile happened unattended. */
  noteWake(): void {
    this.#guard.noteWake()
  }

  /** Does all that {@link plan} says is due. */
  async maintain(): Promise<void> {
    for (let round = 0; round < PLAN_ROUNDS; round++) {
      const moment = this.#moment()
      this.#noticeActivation()
      const decisions = plan(this.#ring, this.#options.policy, moment)
      this.#due = decisions.map(({ kind }) => kind)
      if (decisions.length === 0) return
      await this.#inTurn(async () => await this.#carryOutWhatIsDue())
    }
    throw new KeyturnError('plan_restless', 'housekeeping of the ring does not come to rest')
  }

  /** Makes a next key where there is none, and does nothing else that is due. */
  async addSpare(errand: Errand): Promise<void> {
    const { policy, generate } = this.#options
    const now = effectiveNow(this.#ring, storeNow(this.#options))
    if (findKey(this.#ring, 'next', now) !== undefined) return
    assertRoom(this.#ring, publishedBytes(policy), now)
    const pair = await generate(policy)
    await this.commit((ring, moment) => {
      const isMissing = findKey(ring, 'next', effectiveNow(ring, moment.now)) === undefined
      return { ring: isMissing && moment.clockTrusted ? addNext(ring, pair, policy, moment) : ring }
    }, errand)
  }

  /** Milliseconds until {@link maintain} may have something to do. */
  untilDueMs(): number {
    if (this.#guard.doubtMs > 0) return this.#guard.doubtMs
    const now = storeNow(this.#options)
    return nextPlanAt(this.#ring, this.#options.policy, effectiveNow(this.#ring, now)) - now
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
      const moment = this.#moment()
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

  /** Replicas are due together: who waited for the turn looks what is left to do. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    const { store } = this.#options
    if (store.inTurn === undefined) return await work()
    await store.inTurn(async () => {
      await this.reload()
      await work()
    })
  }

  async #carryOutWhatIsDue(): Promise<void> {
    const { policy, generate } = this.#options
    const needsKey = plan(this.#ring, policy, this.#moment()).some(({ kind }) => kind === 'add-next')
    await this.#carryOut(needsKey ? await generate(policy) : undefined)
  }

  async #carryOut(pair: KeyPair | undefined): Promise<void> {
    const { policy } = this.#options
    await this.commit((before, moment) => {
      const due = plan(before, policy, moment)
      if (due.length === 0) return { ring: before }
      const kept = applyHousekeeping(before, due, policy, moment.now)
      const wanted = due.some(({ kind }) => kind === 'add-next')
      return { ring: wanted && pair !== undefined ? addNext(kept, pair, policy, moment) : kept }
    })
  }

  #moment(): Moment {
    const look = this.#guard.look()
    if (look.jumpedByMs !== 0) this.#options.onEvent({ kind: 'clock-jumped', byMs: look.jumpedByMs })
    const aheadMs = aheadOf(this.#options.store)
    const moment = { ...look, now: look.now + aheadMs, wokeAt: look.wokeAt + aheadMs }
    return momentOf(this.#ring, moment, this.#options.policy.timing)
  }

  #noticeActivation(): void {
    const { kid } = activeKey(this.#ring, this.now)
    if (kid === this.#activeKid) return
    this.#options.onEvent({ kind: 'key-activated', kid, previousKid: this.#activeKid })
    this.#activeKid = kid
  }
}
