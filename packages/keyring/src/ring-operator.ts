import type { Errand } from './audit-trail.ts'
import { addNext } from './changes.ts'
import type { KeyringEvent } from './events.ts'
import { importKey, type KeyImport } from './key-import.ts'
import { assertHalvesMatch, type GenerateKeyPair, type KeyPair } from './key-pair.ts'
import {
  describeRotation,
  earliestActivation,
  hastenNext,
  type Rotation,
  type RotationUrgency,
} from './manual-rotation.ts'
import {
  keysToRevoke,
  leakedWith,
  type RevocationOptions,
  type RevocationOutcome,
  revokeKey,
  successionOf,
} from './revocation.ts'
import { effectiveNow, findKey, inUseUntil, keyOf } from './ring.ts'
import type { RingKeeper } from './ring-keeper.ts'
import { assertRoom } from './set-limit.ts'
import { GENERATIONS_KEPT } from './stores/key-store.ts'
import { type KeyPolicy, publishedBytes } from './timing.ts'

/** What a {@link RingOperator} works with. */
export interface RingOperatorOptions {
  readonly keeper: RingKeeper
  readonly policy: KeyPolicy
  readonly generate: GenerateKeyPair
  /** All signers read one clock. */
  readonly sharesClock: boolean
  readonly onEvent: (event: KeyringEvent) => void
}

/** What an operator does to the ring beside the schedule: brings a rotation forward, takes a key out of use, and so on. */
export class RingOperator {
  readonly #options: RingOperatorOptions

  constructor(options: RingOperatorOptions) {
    this.#options = options
  }

  /** Lets the next key sign as soon as every signer sees it. */
  async rotate({ requestedBy, ...urgency }: RotationUrgency): Promise<Rotation> {
    const { keeper, policy, sharesClock, onEvent } = this.#options
    await this.#addSpare({ requestedBy })
    const { storePollMs, clockSkewMs } = policy.timing
    const withinMs = storePollMs + (sharesClock ? 0 : 2 * clockSkewMs)
    const { before, after, kid, forced } = await keeper.commit(
      (ring, moment) => {
        const now = effectiveNow(ring, moment.now)
        const { clockTrusted } = moment
        const { next, activateAt } = earliestActivation(ring, now, { ...urgency, withinMs, clockTrusted })
        const isBooked = next.activateAt <= activateAt
        return {
          ring: isBooked ? ring : hastenNext(ring, activateAt, policy, now),
          kid: next.kid,
          forced: activateAt < next.signableAt,
        }
      },
      { requestedBy },
    )
    const rotation = describeRotation(after, kid)
    if (after !== before) {
      onEvent({ kind: 'rotation-requested', kid, activateAt: rotation.activateAt, forced })
    }
    return rotation
  }

  /** Takes a key out of use; where the store leaked, everything that leaked with it. */
  async revoke(
    revokedKid: string,
    { reason = 'revoked', storeLeaked = false, requestedBy }: RevocationOptions,
  ): Promise<RevocationOutcome> {
    const { keeper, policy, generate, onEvent } = this.#options
    // as the operator saw it: what others make meanwhile, because of the same leak, has not leaked
    const leakedKids = storeLeaked ? leakedWith(keeper.ring) : []
    const wanted = { kid: revokedKid, reason, leakedKids }
    const revokeWith = (replacement: KeyPair | undefined) =>
      keeper.commit(
        (ring, moment) => ({
          ring: revokeKey(ring, { ...wanted, replacement }, policy, moment.now) ?? ring,
          revokedKids: keysToRevoke(ring, wanted).map(({ kid }) => kid),
        }),
        { reason, requestedBy, isUrgent: true },
      )
    // a pair takes its time to make, and mostly there is a spare
    const withSpare = await revokeWith(undefined)
    const isDone = withSpare.after !== withSpare.before
    const { before, after, revokedKids } = isDone ? withSpare : await revokeWith(await generate(policy))
    const { activeKid, early } = successionOf(before, after)
    onEvent({ kind: 'key-revoked', revokedKid, revokedKids, reason, activeKid, early })
    // reckoned from now, not from when it was decided: the write may have taken its time
    const refusedEverywhereBy = inUseUntil(after, keeper.now + policy.timing.storePollMs)
    return { revokedKid, revokedKids, activeKid, refusedEverywhereBy }
  }

  /** Makes a key from elsewhere the next one. */
  async importKey(pair: KeyPair, errand: Errand): Promise<KeyImport> {
    const { keeper, policy, onEvent } = this.#options
    // neither may come into the ring what verifiers would skip, nor what cannot be read back
    await assertHalvesMatch(pair)
    const { after, replacedKid } = await keeper.commit(
      (ring, moment) => importKey(ring, pair, policy, moment),
      errand,
    )
    const { kid, alg, activateAt } = keyOf(after, pair.kid)
    onEvent({ kind: 'key-imported', kid, activateAt, replacedKid })
    return { kid, alg, activateAt, replacedKid }
  }

  /** Lets a ring sign that came out of a backup. */
  async confirm(): Promise<void> {
    await this.#options.keeper.commit((ring) => ({
      ring: ring.held === null ? ring : { ...ring, held: null },
    }))
  }

  /** Writes the ring so often that no generation is left which was sealed under an older key-encryption key. */
  async rewrap(): Promise<void> {
    for (let written = 0; written < GENERATIONS_KEPT; written++) {
      await this.#options.keeper.commit((ring) => ({ ring: { ...ring } }))
    }
  }
  /** Makes a next key where there is none, and does nothing else that is due. */
  async #addSpare(errand: Errand): Promise<void> {
    const { keeper, policy, generate } = this.#options
    const now = effectiveNow(keeper.ring, keeper.look().now)
    if (findKey(keeper.ring, 'next', now) !== undefined) return
    assertRoom(keeper.ring, publishedBytes(policy), now)
    const pair = await generate(policy)
    await keeper.commit((ring, moment) => {
      const isMissing = findKey(ring, 'next', effectiveNow(ring, moment.now)) === undefined
      return { ring: isMissing && moment.clockTrusted ? addNext(ring, pair, policy, moment) : ring }
    }, errand)
  }
}
