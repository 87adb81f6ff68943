import { KeyturnError } from '@keyturn/core'
import { addNext } from './changes.ts'
import type { KeyPair } from './key-pair.ts'
import { applyHousekeeping, type Decision, nextPlanAt, plan } from './plan.ts'
import { activeKey, effectiveNow } from './ring.ts'
import type { RingSurroundings } from './ring-creation.ts'
import type { RingKeeper } from './ring-keeper.ts'
import { storeNow } from './stores/store-clock.ts'

/** Housekeeping comes to rest after two writes; more means that it never would. */
const PLAN_ROUNDS = 5

/** Does to a ring what {@link plan} says is due. */
export class PlanRunner {
  readonly #options: RingSurroundings
  readonly #keeper: RingKeeper
  #activeKid: string
  #due: readonly Decision['kind'][] = []

  constructor(options: RingSurroundings, keeper: RingKeeper) {
    this.#options = options
    this.#keeper = keeper
    this.#activeKid = activeKey(keeper.ring, keeper.now).kid
  }

  /** What {@link run} did last, or failed to do. */
  get due(): readonly Decision['kind'][] {
    return this.#due
  }

  /** Does all that is due. */
  async run(): Promise<void> {
    const { policy } = this.#options
    for (let round = 0; round < PLAN_ROUNDS; round++) {
      const moment = this.#keeper.look()
      this.#noticeActivation()
      const decisions = plan(this.#keeper.ring, policy, moment)
      this.#due = decisions.map(({ kind }) => kind)
      if (decisions.length === 0) return
      await this.#inTurn(async () => await this.#carryOutWhatIsDue())
    }
    throw new KeyturnError('plan_restless', 'housekeeping of the ring does not come to rest')
  }

  /** Milliseconds until {@link run} may have something to do. */
  untilDueMs(): number {
    const { ring, doubtMs } = this.#keeper
    if (doubtMs > 0) return doubtMs
    const now = storeNow(this.#options)
    return nextPlanAt(ring, this.#options.policy, effectiveNow(ring, now)) - now
  }

  /** Replicas are due together: who waited for the turn looks what is left to do. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    const { store } = this.#options
    if (store.inTurn === undefined) return await work()
    await store.inTurn(async () => {
      await this.#keeper.reload()
      await work()
    })
  }

  async #carryOutWhatIsDue(): Promise<void> {
    const { policy, generate } = this.#options
    const due = plan(this.#keeper.ring, policy, this.#keeper.look())
    const needsKey = due.some(({ kind }) => kind === 'add-next')
    await this.#carryOut(needsKey ? await generate(policy) : undefined)
  }

  async #carryOut(pair: KeyPair | undefined): Promise<void> {
    const { policy } = this.#options
    await this.#keeper.commit((before, moment) => {
      const due = plan(before, policy, moment)
      if (due.length === 0) return { ring: before }
      const kept = applyHousekeeping(before, due, policy, moment.now)
      const wanted = due.some(({ kind }) => kind === 'add-next')
      return { ring: wanted && pair !== undefined ? addNext(kept, pair, policy, moment) : kept }
    })
  }

  #noticeActivation(): void {
    const { kid } = activeKey(this.#keeper.ring, this.#keeper.now)
    if (kid === this.#activeKid) return
    this.#options.onEvent({ kind: 'key-activated', kid, previousKid: this.#activeKid })
    this.#activeKid = kid
  }
}
