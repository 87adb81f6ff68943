import {
  type Clock,
  type Instant,
  instantOf,
  type JwkSetDocument,
  signCompact,
  TokenChecker,
  type TokenExpectations,
  TokenRejected,
  type VerifiedToken,
} from '@keyturn/core'
import type { Errand } from './audit-trail.ts'
import { KeyHandles } from './key-handles.ts'
import type { KeyImport } from './key-import.ts'
import type { KeyPair } from './key-pair.ts'
import { stateOf } from './key-record.ts'
import { judgeHealth, type KeyringHealth } from './keyring-health.ts'
import { completeOptions, type KeyManagerOptions } from './manager-options.ts'
import type { Rotation, RotationUrgency } from './manual-rotation.ts'
import { isExposureRecorded } from './plan.ts'
import { PlanRunner } from './plan-runner.ts'
import { PublishedSets } from './published-set.ts'
import type { RevocationOptions, RevocationOutcome } from './revocation.ts'
import { activeKey, findKey, isPublished, type KeyRing } from './ring.ts'
import { RingFollower } from './ring-follower.ts'
import { RingKeeper } from './ring-keeper.ts'
import { RingOperator } from './ring-operator.ts'
import { Rotator } from './rotator.ts'
import { assertFresh, assertSignable } from './signing-terms.ts'
import type { KeyPolicy } from './timing.ts'

/**
 * The keys of an authority: signs, verifies, publishes, and turns them by itself.
 *
 * @example
 * const keys = await KeyManager.open({ store: new FileKeyStore({ directory: './keys' }), policy: DEFAULT_POLICY })
 * const jwt = await keys.sign({ iss, sub, aud, jti, client_id }, { ttlSeconds: 3600, typ: 'at+jwt' })
 */
export class KeyManager {
  readonly #keeper: RingKeeper
  readonly #operator: RingOperator
  readonly #rotator: Rotator
  readonly #follower: RingFollower
  readonly #policy: KeyPolicy
  readonly #clock: Clock
  readonly #maxStalenessMs: number
  readonly #handles = new KeyHandles()
  readonly #published = new PublishedSets()

  private constructor(keeper: RingKeeper, options: Required<KeyManagerOptions>, readAt: Instant) {
    this.#keeper = keeper
    this.#policy = options.policy
    this.#clock = options.clock
    this.#maxStalenessMs = options.maxStalenessMs
    const runner = new PlanRunner(options, keeper)
    this.#operator = new RingOperator({ ...options, keeper, sharesClock: options.store.sharesClock })
    this.#rotator = new Rotator({
      clock: options.clock,
      step: () => runner.run(),
      due: () => runner.due,
      untilDueMs: () => runner.untilDueMs(),
      onOverslept: () => keeper.noteWake(),
      onEvent: options.onEvent,
      random: options.random,
    })
    this.#follower = new RingFollower({
      store: options.store,
      keeper,
      clock: options.clock,
      readAt,
      pollMs: options.policy.timing.storePollMs,
      onEvent: options.onEvent,
      onAdopted: () => this.#rotator.wake(),
      onRecovered: () => this.retry(),
    })
  }

  /**
   * Opens the ring of a store, and, when it is to serve, does what is due before it returns. A step that fails does not keep
   * it from opening: `health()` says so, and it is tried again.
   *
   * @throws {KeyturnError} `policy_invalid`, and what the store throws: `ring_missing`, `ring_corrupt`, `store_unsafe`,
   * `store_failed`
   */
  static async open(options: KeyManagerOptions): Promise<KeyManager> {
    const given = completeOptions(options)
    // the answer may sleep with us, so that it is as old as the question
    const readAt = instantOf(given.clock)
    const keeper = await RingKeeper.open(given, given.serving)
    const manager = new KeyManager(keeper, given, readAt)
    if (given.serving) await manager.#serve()
    return manager
  }

  /**
   * Signs claims with the active key, and adds `iat` and `exp`.
   *
   * @throws {KeyturnError} `ttl_too_long`, `ttl_invalid`, `claims_reserved`, `ring_held`, `ring_stale`
   */
  async sign(
    claims: object,
    options: { readonly ttlSeconds: number; readonly typ: string },
  ): Promise<string> {
    const { ttlSeconds, typ } = options
    if (this.mayHaveSlept) await this.catchUp()
    assertFresh(this.#follower.snapshotAgeMs, this.#maxStalenessMs)
    const { ring, now } = this.#keeper
    const key = activeKey(ring, now)
    assertSignable(ring, key, claims, ttlSeconds)
    const iat = Math.floor(this.#clock.now() / 1000)
    return await signCompact(this.#handles.signerOf(key), { typ }, { ...claims, iat, exp: iat + ttlSeconds })
  }

  /**
   * Verifies a token of this ring, with no key but those that are published, as they are in memory.
   *
   * @throws {TokenRejected}
   */
  verify(jwt: unknown, expectations: TokenExpectations | TokenChecker): VerifiedToken {
    const checker = expectations instanceof TokenChecker ? expectations : new TokenChecker(expectations)
    const parsed = checker.parse(jwt)
    const now = this.#keeper.now
    const key = this.#keeper.ring.keys.find(({ kid }) => kid === parsed.header.kid)
    const isKept = key?.revokedAt === null && this.#keeper.isClockInDoubt
    if (key === undefined || !(isKept || isPublished(stateOf(key, now))))
      throw new TokenRejected('key_unknown')
    return checker.verify(parsed, this.#handles.verifierOf(key), this.#clock.now())
  }

  /**
   * This process has not seen the store for longer than P: it was stopped, or its machine slept. {@link KeyManager.sign}
   * catches up by itself; whoever publishes the set or verifies should {@link KeyManager.catchUp} first.
   */
  get mayHaveSlept(): boolean {
    return this.#follower.mayHaveSlept
  }

  /**
   * Looks at the store if this process may have slept, for at most P; else returns at once. A store that cannot be reached
   * is no error: what is in memory goes on.
   */
  async catchUp(): Promise<void> {
    await this.#follower.catchUp()
  }

  /** The public set: a pure read, and the same frozen object until its content changes. */
  publicJwks(): JwkSetDocument {
    const { ring, now, isClockInDoubt } = this.#keeper
    return this.#published.at(ring, now, isClockInDoubt)
  }

  /**
   * Brings the next activation forward: to now, plus the time in which every signer sees it. One that is booked for no later
   * stays as it is.
   *
   * @throws {KeyturnError} `clock_in_doubt`; `rotation_too_early` while sets without the next key may be in use, unless `queue`
   * books the earliest time, or `force` accepts that verifiers refuse tokens until they refresh; what the store throws
   */
  async rotate(urgency: RotationUrgency = {}): Promise<Rotation> {
    const rotation = await this.#operator.rotate(urgency)
    this.#rotator.wake()
    return rotation
  }

  /**
   * Takes a key out of use at once. When it is the active one the spare signs from now on; a fresh pair does when there is
   * no spare. `storeLeaked`: then every key goes whose private half is in the store by what this
   * process knows, and a fresh pair signs.
   *
   * @throws {KeyturnError} `key_not_found` for a kid that the ring never had; `key_already_revoked` and `key_removed`
   * for one that is out of use; what the store throws
   */
  async revoke(kid: string, options: RevocationOptions = {}): Promise<RevocationOutcome> {
    const outcome = await this.#operator.revoke(kid, options)
    this.#rotator.wake()
    return outcome
  }

  /**
   * Makes a key from elsewhere the next one, in the place of that which there is: it is published now, and signs when that one
   * would have, or when {@link KeyManager.rotate} says. `readKeyPair` makes a pair from PEM or a JWK.
   *
   * @throws {JwkRefused} for a key that verifiers would skip
   * @throws {KeyturnError} `key_self_test_failed` for a pair that is not whole; `key_known` for a key that the ring has or had;
   * `import_too_late` within a lead of the next handover; `set_full`; `clock_in_doubt`; what the store throws
   */
  async importKey(pair: KeyPair, errand: Errand = {}): Promise<KeyImport> {
    const outcome = await this.#operator.importKey(pair, errand)
    this.#rotator.wake()
    return outcome
  }

  /** Lets a ring that came out of a backup sign: an operator has seen that no key of it was revoked since. */
  async confirm(): Promise<void> {
    await this.#operator.confirm()
  }

  /** Writes the ring anew, so that no generation that the store keeps is sealed under an older key-encryption key. */
  async rewrap(): Promise<void> {
    await this.#operator.rewrap()
  }

  /** Does at once what failed last, if something did: what it failed for is over, as when a disk has room again. */
  retry(): void {
    this.#rotator.retry()
  }

  /** The longest lifetime of a token that {@link KeyManager.sign} takes now. */
  get maxTtlSeconds(): number {
    return activeKey(this.#keeper.ring, this.#keeper.now).maxTtlSeconds
  }

  /**
   * `false` while the ring could not be told of cache headers that are longer than before (the disk was full at the start):
   * until then a set must be served without them, or a key could sign while sets without it are in use.
   */
  get isExposureRecorded(): boolean {
    return isExposureRecorded(this.#keeper.ring, this.#policy)
  }

  /** The time by which keys change state: the wall clock, never behind the last write. */
  get now(): number {
    return this.#keeper.now
  }

  /** The ring as it is in memory. */
  ring(): KeyRing {
    return this.#keeper.ring
  }

  /** How the life cycle fares. Reads memory only. */
  health(): KeyringHealth {
    const { failures: consecutiveFailures, lastFailure } = this.#rotator
    return judgeHealth({
      consecutiveFailures,
      lastFailure,
      storeError: this.#follower.error,
      snapshotAgeMs: this.#follower.snapshotAgeMs,
      snapshotStale: this.#follower.isStale,
      nextKeyReady: findKey(this.#keeper.ring, 'next', this.#keeper.now) !== undefined,
      rotationOverdue: this.#keeper.isRotationOverdue,
      clockBehind: this.#keeper.isClockBehind,
      clockOff: this.#keeper.isClockOff,
      held: this.#keeper.ring.held !== null,
    })
  }

  /** Stops turning keys; waits for a step under way for five seconds at the most. What was signed and published stays good. */
  async close(): Promise<void> {
    this.#follower.stop()
    await this.#rotator.stop()
  }

  async #serve(): Promise<void> {
    this.#follower.start()
    await this.#rotator.start()
  }
}
