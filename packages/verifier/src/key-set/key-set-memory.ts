import {
  type Clock,
  elapsedMs,
  errorCodeOf,
  type Instant,
  instantOf,
  type JwkSet,
  KeyturnError,
  type VerificationKey,
} from '@keyturn/core'
import type { VerifierEvent } from '../events.ts'
import { type CacheBounds, freshForMs } from './cache-policy.ts'
import { type HeldSet, type HoldingTerms, holdSet, isFresh, isUsable, keyIn } from './held-set.ts'
import type { KeySetResponse } from './http-fetch.ts'
import { KeySetFetchFailed } from './key-set-fetch-failed.ts'
import type { KeySetFormat } from './key-set-format.ts'
import type { Snapshot } from './snapshot.ts'
import type { SnapshotStore } from './snapshot-file.ts'
import { SnapshotKeeper } from './snapshot-keeper.ts'
import { hasLivingKey, isOlder } from './succession.ts'

/** What a {@link KeySetMemory} goes by. */
export interface KeySetMemoryOptions {
  readonly cache: CacheBounds
  /** How long keys are used past their cache time while they cannot be fetched. */
  readonly staleIfErrorMs: number
  readonly format: Pick<KeySetFormat, 'read'>
  /** Used at a cold start while the endpoint fails, until it has answered once. */
  readonly pinned: JwkSet | undefined
  /** Where good sets are written down for the next cold start. */
  readonly snapshots: SnapshotStore | undefined
  readonly clock: Clock
  readonly onEvent: (event: VerifierEvent) => void
}

/**
 * The set in use, and what may take its place: a good answer, whole and not older; or, while there is no set yet, what the process
 * before left and what was pinned.
 */
export class KeySetMemory {
  readonly #options: KeySetMemoryOptions
  readonly #keeper: SnapshotKeeper | undefined
  #held: HeldSet | undefined
  /** What is used if the endpoint fails before it has answered once, the best first. */
  #reserves: readonly HeldSet[] = []
  #recalling: Promise<void> | undefined
  /** Rings whose place another has taken. */
  readonly #pastRings = new Set<string>()

  constructor(options: KeySetMemoryOptions) {
    const { snapshots: store, pinned, onEvent, cache, clock } = options
    this.#options = options
    if (store !== undefined)
      this.#keeper = new SnapshotKeeper({ store, pauseMs: cache.minMs, clock, onEvent })
    if (pinned !== undefined) {
      this.#reserves = [this.#hold({ set: pinned, origin: 'pinned', staleMs: Infinity })]
    }
  }

  get held(): HeldSet | undefined {
    return this.#held
  }

  /** Of the set in use, for a conditional request; a set that has ended is asked for whole. */
  get etag(): string | undefined {
    return this.isUsable() ? this.#held?.etag : undefined
  }

  /** Since when the keys in use are known to be good, in seconds; pinned keys have no age. */
  get ageSeconds(): number | undefined {
    if (this.#held === undefined || this.#held.origin === 'pinned') return undefined
    return Math.floor(elapsedMs(this.#held.askedAt, this.#now()) / 1000)
  }

  find(kid: string, now = this.#now()): VerificationKey | undefined {
    return keyIn(this.#held, kid, now)
  }

  isFresh(): boolean {
    return isFresh(this.#held, this.#now())
  }

  isUsable(): boolean {
    return isUsable(this.#held, this.#now())
  }

  /**
   * Takes an answer to a question of then.
   *
   * @throws {KeyturnError} `key_set_older`, `fetch_status`, and what the format throws
   */
  take(response: KeySetResponse, askedAt: Instant): HeldSet {
    const before = this.#held
    const isConfirmation = response.status === 304
    const cacheControl = response.cacheControl ?? (isConfirmation ? before?.cacheControl : undefined)
    const held = this.#hold({
      set: this.#setOf(response),
      origin: 'remote',
      // a 304 that names another set must not make us ask for that one from now on, and keep this
      etag: isConfirmation ? before?.etag : response.etag,
      cacheControl,
      body: isConfirmation ? before?.body : response.body,
      askedAt,
      freshMs: freshForMs({ cacheControl, age: response.age }, this.#options.cache),
      staleMs: this.#options.staleIfErrorMs,
    })
    this.#held = held
    this.#reserves = []
    this.#keep(held, isConfirmation)
    return held
  }

  /** Takes note, once, of what the process before left: good at once while it is fresh, else where the endpoint fails. */
  async recall(): Promise<void> {
    if (this.#keeper === undefined) return
    this.#recalling ??= this.#keeper.recall().then((snapshot) => {
      if (snapshot === undefined || this.#held !== undefined) return
      const held = this.#heldFrom(snapshot)
      if (held === undefined) return
      this.#reserves = [held, ...this.#reserves]
      if (isFresh(held, this.#now())) this.useReserve()
    })
    await this.#recalling
  }

  /** The endpoint has failed: uses what there is from before, if there is nothing else. */
  useReserve(): void {
    if (this.isUsable()) return
    const reserve = this.#reserves.find((one) => isUsable(one, this.#now()))
    if (reserve === undefined || reserve.origin === 'remote') return
    this.#held = reserve
    const kids = [...reserve.set.keys.keys()]
    this.#options.onEvent({ kind: 'fallback-keys-used', source: reserve.origin, kids })
  }

  #setOf(response: KeySetResponse): JwkSet {
    const before = this.#held
    if (response.status === 304) {
      if (before?.etag !== undefined && this.isUsable()) return before.set
      throw new KeySetFetchFailed('fetch_status', 'expected 304 only for a set that is held')
    }
    // a port of somebody else's may pass on whatever came
    if (response.status !== 200) throw new KeySetFetchFailed('fetch_status', 'expected status 200 or 304')
    const now = this.#options.clock.now()
    const set = this.#options.format.read(response.body, now)
    if (!hasLivingKey(set, now)) {
      throw new KeyturnError('key_set_without_usable_key', 'expected at least one key that has not ended')
    }
    const known = this.#known()
    if (known !== undefined && isOlder(set, known, this.#pastRings)) {
      throw new KeyturnError('key_set_older', 'expected a set that is not older than the one in use')
    }
    if (known?.edition !== undefined && known.edition.ring !== set.edition?.ring) {
      this.#pastRings.add(known.edition.ring)
    }
    return set
  }

  /**
   * What a set must not be older than. One that nothing vouches for but its place counts for no longer than it is used: a place that
   * has lied once, say of a version, must not lock the true sets out for good.
   */
  #known(): JwkSet | undefined {
    const known = this.#held ?? this.#reserves[0]
    const counts = known?.set.signature !== undefined || isUsable(known, this.#now())
    return counts ? known?.set : undefined
  }

  /** Its age goes on counting where it was written down. */
  #heldFrom({ body, etag, askedAt, freshMs }: Snapshot): HeldSet | undefined {
    const { cache, clock, format, staleIfErrorMs, onEvent } = this.#options
    try {
      const set = format.read(body, clock.now())
      const { wall, monotonic } = this.#now()
      const agoMs = Math.max(0, wall - askedAt)
      const since = { wall: wall - agoMs, monotonic: monotonic - agoMs }
      // the process before may have had other bounds
      const terms = { freshMs: Math.min(freshMs, cache.maxMs), staleMs: staleIfErrorMs }
      return this.#hold({ set, origin: 'snapshot', etag, body, askedAt: since, ...terms })
    } catch (error) {
      const code = errorCodeOf(error)
      onEvent({ kind: 'snapshot-failed', operation: 'read', code })
      return undefined
    }
  }

  #hold(terms: Pick<HoldingTerms, 'set' | 'origin' | 'staleMs'> & Partial<HoldingTerms>): HeldSet {
    const nothing = { etag: undefined, cacheControl: undefined, body: undefined }
    return holdSet({ ...nothing, askedAt: this.#now(), freshMs: 0, ...terms })
  }

  #keep({ body, etag, askedAt, freshMs }: HeldSet, isConfirmation: boolean): void {
    if (body !== undefined) this.#keeper?.keep({ body, etag, askedAt: askedAt.wall, freshMs }, isConfirmation)
  }

  #now(): Instant {
    return instantOf(this.#options.clock)
  }
}
