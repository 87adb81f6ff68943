import {
  elapsedMs,
  errorCodeOf,
  type Instant,
  instantOf,
  type JwkSet,
  type KeysUnavailable,
  type VerificationKey,
} from '@keyturn/core'
import { refreshInMs } from './cache-policy.ts'
import { CircuitBreaker } from './circuit-breaker.ts'
import type { HeldSet } from './held-set.ts'
import type { KeySetResponse } from './http-fetch.ts'
import { KeySetFetchFailed } from './key-set-fetch-failed.ts'
import { KeySetMemory, type KeySetMemoryOptions } from './key-set-memory.ts'
import type { KeySource, KeySourceReport } from './key-source.ts'
import { RefreshTimer } from './refresh-timer.ts'
import { TimelyFetch, type TimelyFetchOptions } from './timely-fetch.ts'
import { unavailable } from './unavailable.ts'
import { UnknownKids } from './unknown-kids.ts'

/** What a {@link RemoteKeySet} goes by. */
export interface RemoteKeySetOptions extends KeySetMemoryOptions, TimelyFetchOptions {
  readonly url: string
  /** Spreads refreshes and retries; returns 0 to 1. */
  readonly random: () => number
}

const SHORTEST_WAIT_MS = 100
const LONGEST_PAUSE_MS = 60_000
/**
 * A key set that is fetched and kept: one fetch at a time however many wait, refreshed ahead in the background, used for a
 * bounded time while the endpoint fails. A good set replaces the one before whole; nothing else does.
 */
export class RemoteKeySet implements KeySource {
  readonly #options: RemoteKeySetOptions
  readonly #memory: KeySetMemory
  readonly #unknownKids: UnknownKids
  readonly #breaker: CircuitBreaker
  /** The URL without what may be secret in it. */
  readonly #place: string
  readonly #fetch: TimelyFetch
  readonly #timer: RefreshTimer
  #flight: Promise<void> | undefined
  readonly #endPauses = new Set<() => void>()
  #lastError: string | undefined
  /** What the code leaves open: the status of an answer that was no key set, or the error of the system or of TLS. */
  #lastDetail: string | undefined
  #succeeded = 0
  #failed = 0
  #isClosed = false

  constructor(options: RemoteKeySetOptions) {
    this.#options = options
    const { origin, pathname } = new URL(options.url)
    this.#place = `${origin}${pathname}`
    this.#memory = new KeySetMemory(options)
    this.#breaker = new CircuitBreaker(options.random)
    this.#fetch = new TimelyFetch(options)
    this.#timer = new RefreshTimer(options.clock, () => void this.#refresh())
    this.#unknownKids = new UnknownKids(options.clock.monotonicNow(), () =>
      options.onEvent({ kind: 'unknown-kid-over-budget' }),
    )
  }

  find(kid: string): VerificationKey | undefined {
    const now = instantOf(this.#options.clock)
    if (this.#timer.isOverdue(now) && this.#mayFetch()) void this.#refresh()
    return this.#memory.find(kid, now)
  }

  async lookFor(kid: string): Promise<VerificationKey | undefined> {
    if (this.#mayRecall()) await this.#recall()
    const recalled = this.find(kid)
    if (recalled !== undefined) return recalled
    // what is on its way may have been asked for before the kid was published: it may help, but does not settle it
    if (this.#flight !== undefined && !this.#isRemembered(kid)) await this.#flight
    if (this.find(kid) === undefined && this.#mayHelpToFetch(kid)) await this.#search(kid)
    const key = this.find(kid)
    if (key === undefined && !this.#isFresh()) throw this.#unavailable()
    return key
  }

  lookForSoon(kid: string): KeysUnavailable | undefined {
    if (this.#flight !== undefined && !this.#isRemembered(kid)) return this.#unavailable()
    const begins = this.#mayHelpToFetch(kid)
    if (begins) void this.#search(kid)
    return begins || !this.#isFresh() ? this.#unavailable() : undefined
  }

  async ready(withinMs = 0): Promise<void> {
    const deadline = this.#now() + withinMs
    if (this.#mayRecall()) await this.#recall()
    while (!this.#memory.isUsable()) {
      if (this.#flight !== undefined || this.#mayFetch()) await this.#refresh()
      if (this.#memory.isUsable()) return
      const waitMs = this.#breaker.waitMs(this.#now())
      // a deadline that is no number is over
      if (this.#isClosed || !(this.#now() + waitMs <= deadline)) throw this.#unavailable()
      await this.#pause(waitMs)
    }
  }

  report(): KeySourceReport {
    const { held, ageSeconds } = this.#memory
    return {
      status: this.#isFresh() ? 'fresh' : this.#memory.isUsable() ? 'stale' : 'unavailable',
      source: held?.origin,
      rootKid: held?.set.signature?.rootKid,
      url: this.#place,
      kids: held === undefined ? [] : [...held.set.keys.keys()],
      ageSeconds,
      circuit: this.#breaker.stateAt(this.#now()),
      consecutiveFailures: this.#breaker.failures,
      lastError: this.#lastError,
      refreshes: { success: this.#succeeded, failure: this.#failed },
    }
  }

  close(): void {
    this.#isClosed = true
    this.#fetch.abort()
    this.#timer.clear()
    for (const end of this.#endPauses) end()
  }

  #mayRecall(): boolean {
    return this.#options.snapshots !== undefined && this.#memory.held === undefined
  }

  /** What the process before left is asked for once, and the endpoint beside it. */
  async #recall(): Promise<void> {
    await this.#memory.recall()
    if (this.#memory.held !== undefined && this.#mayFetch()) void this.#refresh()
  }

  /** One fetch for all who ask meanwhile. Never rejects: what came of it is in the fields. */
  #refresh(): Promise<void> {
    this.#flight ??= this.#fetchOnce().finally(() => {
      this.#flight = undefined
    })
    return this.#flight
  }

  async #fetchOnce(): Promise<void> {
    this.#timer.clear()
    if (this.#mayRecall()) await this.#memory.recall()
    if (this.#isClosed) return
    // what counts is when the question was asked: the answer may have been on its way ever since
    const askedAt = instantOf(this.#options.clock)
    let delayMs: number
    try {
      const response = await this.#fetch.ask(this.#memory.etag)
      if (this.#isClosed) return
      delayMs = this.#take(response, askedAt)
    } catch (error) {
      if (this.#isClosed) return
      delayMs = this.#fail(error)
    }
    // a listener may have closed us meanwhile
    if (!this.#isClosed) this.#timer.set(delayMs)
  }

  /** Returns when to refresh. */
  #take(response: KeySetResponse, askedAt: Instant): number {
    const before = this.#memory.held
    const held = this.#memory.take(response, askedAt)
    const { failures } = this.#breaker
    this.#breaker.noteSuccess()
    this.#lastError = undefined
    this.#succeeded += 1
    if (failures > 0) this.#options.onEvent({ kind: 'circuit-closed', failures })
    this.#announce(before?.set, held.set)
    return Math.max(
      SHORTEST_WAIT_MS,
      this.#refreshInMs(held) - elapsedMs(askedAt, instantOf(this.#options.clock)),
    )
  }

  #refreshInMs({ set, freshMs }: HeldSet): number {
    const { clock, cache, random } = this.#options
    const nextActivation = set.edition?.next_activation
    return refreshInMs({
      freshMs,
      untilActivationMs: nextActivation === undefined ? Infinity : nextActivation * 1000 - clock.now(),
      minMs: cache.minMs,
      random: random(),
    })
  }

  #fail(error: unknown): number {
    this.#memory.useReserve()
    const retryInMs = this.#breaker.noteFailure(this.#now())
    this.#failed += 1
    const code = errorCodeOf(error)
    this.#lastError = code
    this.#lastDetail = error instanceof KeySetFetchFailed ? error.detail : undefined
    const { failures } = this.#breaker
    this.#options.onEvent({ kind: 'keys-fetch-failed', code, failures, retryInMs })
    if (failures === 1) this.#options.onEvent({ kind: 'circuit-opened', code })
    return retryInMs
  }

  #announce(before: JwkSet | undefined, after: JwkSet): void {
    if (before === after) {
      this.#options.onEvent({ kind: 'keys-confirmed' })
      return
    }
    const added = [...after.keys.keys()].filter((kid) => before?.keys.has(kid) !== true)
    const removed = [...(before?.keys.keys() ?? [])].filter((kid) => !after.keys.has(kid))
    const skipped = after.skipped.map(({ code }) => code)
    this.#options.onEvent({ kind: 'keys-replaced', added, removed, skipped })
  }

  #mayHelpToFetch(kid: string): boolean {
    const isWarm = this.#memory.isUsable()
    if (isWarm && this.#isRemembered(kid)) return false
    if (this.#flight !== undefined) return true
    return this.#mayFetch() && (!isWarm || this.#unknownKids.takeAttempt(this.#now()))
  }

  /** While the endpoint fails, questions are answered by the last failure until the next attempt is due. */
  #mayFetch(): boolean {
    return !this.#isClosed && this.#breaker.stateAt(this.#now()) !== 'open'
  }

  async #search(kid: string): Promise<void> {
    await this.#refresh()
    if (this.#isFresh() && this.find(kid) === undefined) this.#unknownKids.remember(kid, this.#now())
  }

  #isRemembered(kid: string): boolean {
    return this.#unknownKids.isRemembered(kid, this.#now())
  }

  #isFresh(): boolean {
    return this.#memory.isFresh() && this.#lastError === undefined
  }

  /** A process that starts has nothing else yet that keeps it from ending. Over at once when all is closed. */
  async #pause(ms: number): Promise<void> {
    const alive = setInterval(() => {}, LONGEST_PAUSE_MS)
    let end = () => {}
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.setTimer(resolve, ms)
      end = () => {
        cancel()
        resolve()
      }
      this.#endPauses.add(end)
    })
    this.#endPauses.delete(end)
    clearInterval(alive)
  }

  #unavailable(): KeysUnavailable {
    return unavailable({
      place: this.#place,
      code: this.#lastError,
      detail: this.#lastDetail,
      isClosed: this.#isClosed,
      retryInMs: this.#breaker.waitMs(this.#now()),
    })
  }

  #now(): number {
    return this.#options.clock.monotonicNow()
  }
}
