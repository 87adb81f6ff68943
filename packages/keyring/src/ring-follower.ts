import { type Clock, errorCodeOf, type Instant, instantOf, KeyturnError, LATE, orLate } from '@keyturn/core'
import type { KeyringEvent } from './events.ts'
import type { KeyRing } from './ring.ts'
import type { RingKeeper } from './ring-keeper.ts'
import type { KeyStore } from './stores/key-store.ts'

/** What a {@link RingFollower} works with. */
export interface RingFollowerOptions {
  readonly store: KeyStore
  readonly keeper: RingKeeper
  readonly clock: Clock
  /** When the ring was read that the keeper began with. */
  readonly readAt: Instant
  /** P: a write of others is seen within this time. */
  readonly pollMs: number
  readonly onEvent: (event: KeyringEvent) => void
  /** A ring that others wrote was taken over. */
  readonly onAdopted: () => void
  /** The store can be read again, and holds the ring in memory. */
  readonly onRecovered: () => void
}

/** Beyond P, what a busy process may be late. */
const STOPPED_MS = 1000
const STALE_AFTER_POLLS = 30
const STALE_AFTER_MS = 10_000

/** Follows what others write to the store, and knows when this process may have missed something. */
export class RingFollower {
  readonly #options: RingFollowerOptions
  #stop = () => {}
  #error: string | undefined
  /** When the question was put of which the answer is known. The answer may have slept with us. */
  #lookedAt: Instant | undefined
  #askedAt: Instant | undefined
  /** As of then the ring in memory is the store's. */
  #confirmedAt: Instant
  /** The store tells of changes as they happen. One that looks for them is as good as its last look. */
  #isTold = false
  #look: Promise<void> | undefined
  #reload: { readonly askedAt: Instant; readonly answer: Promise<void> } | undefined

  constructor(options: RingFollowerOptions) {
    this.#options = options
    this.#confirmedAt = options.readAt
  }

  /** Why the store could not be read at the last look; `undefined` when it could. */
  get error(): string | undefined {
    return this.#error
  }

  /**
   * This process has not looked for longer than P: it was stopped, or its machine slept, and what it knows may be long
   * past. Before it acts on that, it should {@link catchUp}.
   */
  get mayHaveSlept(): boolean {
    return this.#lookedAt !== undefined && this.#elapsedSince(this.#lookedAt) > this.#options.pollMs
  }

  /**
   * How long ago the ring in memory was last known to be the store's, in milliseconds. 0 where the store tells of changes by
   * itself, and has told of no trouble.
   */
  get snapshotAgeMs(): number {
    if (this.#isTold && this.#error === undefined) return 0
    return Math.round(this.#elapsedSince(this.#confirmedAt))
  }

  /** Many looks have come to nothing, not even to a failure. */
  get isStale(): boolean {
    const limitMs = Math.max(STALE_AFTER_POLLS * this.#options.pollMs, STALE_AFTER_MS)
    return this.#lookedAt !== undefined && this.snapshotAgeMs > limitMs
  }

  start(): void {
    this.#isTold = true
    this.#lookedAt = this.#options.readAt
    this.#stop = this.#options.store.watch({
      onLook: () => {
        this.#isTold = false
        this.#askedAt = this.#now()
      },
      onChange: (ring) => {
        this.#noteLook()
        this.#take(ring)
      },
      onHealthy: () => {
        this.#noteLook()
        // the wrong ring is not new either when it is looked at again: after an error only a look at the ring itself will do
        if (this.#error === undefined) this.#noteConfirmed()
        else void this.#lookNow()
      },
      onError: (error) => {
        this.#noteLook()
        // a store that goes by generations misses one when the right folder is back after another that was further on
        if (errorCodeOf(error) === 'ring_missing') void this.#lookNow()
        else this.#noteError(error)
      },
    })
  }

  stop(): void {
    this.#stop()
    this.#isTold = false
    this.#lookedAt = undefined
  }

  /**
   * Looks at the store if anything may have been missed, one look for all who wait, and no longer than P: where the store
   * does not answer, what is known has to do.
   */
  async catchUp(): Promise<void> {
    if (this.mayHaveSlept) await this.#lookNow()
  }

  async #lookNow(): Promise<void> {
    this.#look ??= this.#lookAtOnce().finally(() => {
      this.#look = undefined
    })
    await this.#look
  }

  /** A second time when the process slept between question and answer. */
  async #lookAtOnce(): Promise<void> {
    await this.#lookOnce()
    if (this.mayHaveSlept) await this.#lookOnce()
  }

  async #lookOnce(): Promise<void> {
    this.#noteStop()
    const { clock, pollMs } = this.#options
    // a question that slept with this process does not hang for all that
    if (this.#reload !== undefined && this.#hasSleptSince(this.#reload.askedAt)) {
      const answered = this.#reload.answer.catch(() => {})
      await orLate(answered, clock, pollMs)
    }
    const askedAt = this.#now()
    if (this.#reload !== undefined) {
      // the last question hangs: another would hang too, and cost a thread
      this.#lookedAt = askedAt
      this.#noteError(this.#noAnswer())
      return
    }
    const answer = this.#reloadNow().finally(() => {
      this.#reload = undefined
    })
    this.#reload = { askedAt, answer }
    try {
      if ((await orLate(answer, clock, pollMs)) === LATE) throw this.#noAnswer()
      this.#lookedAt = askedAt
      this.#noteConfirmed()
    } catch (error) {
      // a failure that slept on its way says nothing of now: what is known has to do only once a question of now has failed
      const hasSlept = this.#elapsedSince(askedAt) > pollMs + STOPPED_MS
      this.#lookedAt = hasSlept ? askedAt : this.#now()
      this.#noteError(error)
    }
  }

  /** Also where the answer comes when nobody waits for it any more. */
  async #reloadNow(): Promise<void> {
    if (await this.#options.keeper.reload()) this.#options.onAdopted()
  }

  #take(ring: KeyRing): void {
    const { keeper, onAdopted } = this.#options
    try {
      if (keeper.adopt(ring)) onAdopted()
      // an older one was on its way while this process wrote, and says nothing of now
      if (ring.generation >= keeper.ring.generation) this.#noteConfirmed()
    } catch (error) {
      this.#noteError(error)
    }
  }

  /** Nobody looked for much longer than P: the process was stopped, and the schedule begins with its return. */
  #noteStop(): void {
    if (this.#lookedAt === undefined) return
    const gapMs = this.#now().monotonic - this.#lookedAt.monotonic
    if (gapMs > this.#options.pollMs + STOPPED_MS) this.#options.keeper.noteWake()
  }

  #noteLook(): void {
    this.#noteStop()
    this.#lookedAt = this.#askedAt ?? this.#now()
    this.#askedAt = undefined
  }

  #noteConfirmed(): void {
    this.#confirmedAt = this.#lookedAt ?? this.#confirmedAt
    const wasInError = this.#error !== undefined
    this.#error = undefined
    if (wasInError) this.#options.onRecovered()
  }

  /**
   * Of a machine that slept the monotonic clock stood still, and the wall clock did not; one that was set back says nothing of
   * how long it was.
   */
  #elapsedSince(then: Instant): number {
    const { monotonic, wall } = this.#now()
    return Math.max(monotonic - then.monotonic, Math.abs(wall - then.wall))
  }

  /** The wall clock went on without the other one. */
  #hasSleptSince(then: Instant): boolean {
    const { monotonic, wall } = this.#now()
    return wall - then.wall - (monotonic - then.monotonic) > STOPPED_MS
  }

  #now(): Instant {
    return instantOf(this.#options.clock)
  }

  #noteError(error: unknown): void {
    const code = errorCodeOf(error)
    // until now the store would have told
    if (this.#isTold && this.#error === undefined) this.#confirmedAt = this.#lookedAt ?? this.#confirmedAt
    if (code !== this.#error) this.#options.onEvent({ kind: 'store-unreadable', code })
    this.#error = code
  }

  /** Silence is a failure of the store that nobody else reports. */
  #noAnswer(): KeyturnError {
    this.#options.onEvent({ kind: 'store-failed', operation: 'read', code: 'store_failed' })
    return new KeyturnError('store_failed', 'the key store does not answer')
  }
}
