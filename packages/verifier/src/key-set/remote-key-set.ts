import {
  type Clock,
  type JwkSet,
  KeysUnavailable,
  KeyturnError,
  parseJwkSet,
  type VerificationKey,
} from '@keyturn/core'
import type { VerifierEvent } from '../events.ts'
import { type CacheBounds, freshForMs } from './cache-policy.ts'
import { type FetchKeySet, KeySetFetchFailed, type KeySetResponse } from './http-fetch.ts'
import type { KeySource, KeySourceReport } from './key-source.ts'
import { UnknownKids } from './unknown-kids.ts'

/** What a {@link RemoteKeySet} goes by. */
export interface RemoteKeySetOptions {
  readonly url: string
  readonly fetch: FetchKeySet
  /** For one fetch, from the question to the last byte. */
  readonly timeoutMs: number
  readonly cache: CacheBounds
  /** How long keys are used past their cache time while they cannot be fetched. */
  readonly staleIfErrorMs: number
  readonly allowForeignKids: boolean
  readonly clock: Clock
  readonly onEvent: (event: VerifierEvent) => void
  /** Spreads refreshes and retries; returns 0 to 1. */
  readonly random: () => number
}

/** A set in use. Times are of the monotonic clock. */
interface HeldSet {
  readonly set: JwkSet
  readonly etag: string | undefined
  readonly askedAt: number
  readonly freshUntil: number
  readonly usableUntil: number
}

const FIRST_RETRY_MS = 1000
const LONGEST_RETRY_MS = 30_000
const SHORTEST_WAIT_MS = 100

/**
 * A key set that is fetched and kept: one fetch at a time however many wait, refreshed ahead in the background, used for a
 * bounded time while the endpoint fails. A good set replaces the one before whole; nothing else does.
 */
export class RemoteKeySet implements KeySource {
  readonly #options: RemoteKeySetOptions
  readonly #unknownKids: UnknownKids
  /** The URL without what may be secret in it. */
  readonly #place: string
  #held: HeldSet | undefined
  #flight: Promise<void> | undefined
  #abortFlight = () => {}
  #cancelTimer = () => {}
  #retryAt = Number.NEGATIVE_INFINITY
  #failures = 0
  #lastError: string | undefined
  #succeeded = 0
  #failed = 0
  #isClosed = false

  constructor(options: RemoteKeySetOptions) {
    this.#options = options
    const { origin, pathname } = new URL(options.url)
    this.#place = `${origin}${pathname}`
    this.#unknownKids = new UnknownKids(options.clock.monotonicNow(), () =>
      options.onEvent({ kind: 'unknown-kid-over-budget' }),
    )
  }

  find(kid: string): VerificationKey | undefined {
    const held = this.#held
    if (held === undefined || this.#now() >= held.usableUntil) return undefined
    return held.set.keys.get(kid)
  }

  async lookFor(kid: string): Promise<VerificationKey | undefined> {
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

  async ready(): Promise<void> {
    if (this.#isUsable()) return
    if (this.#flight !== undefined || this.#mayFetch()) await this.#refresh()
    if (!this.#isUsable()) throw this.#unavailable()
  }

  report(): KeySourceReport {
    const held = this.#held
    return {
      status: this.#isFresh() ? 'fresh' : this.#isUsable() ? 'stale' : 'unavailable',
      source: this.#options.url,
      kids: held === undefined ? [] : [...held.set.keys.keys()],
      ageSeconds: held === undefined ? undefined : Math.floor((this.#now() - held.askedAt) / 1000),
      consecutiveFailures: this.#failures,
      lastError: this.#lastError,
      refreshes: { success: this.#succeeded, failure: this.#failed },
    }
  }

  close(): void {
    this.#isClosed = true
    this.#abortFlight()
    this.#cancelTimer()
  }

  /** One fetch for all who ask meanwhile. Never rejects: what came of it is in the fields. */
  #refresh(): Promise<void> {
    this.#flight ??= this.#fetchOnce().finally(() => {
      this.#flight = undefined
    })
    return this.#flight
  }

  async #fetchOnce(): Promise<void> {
    this.#cancelTimer()
    // what counts is when the question was asked: the answer may have been on its way ever since
    const askedAt = this.#now()
    let delayMs: number
    try {
      const response = await this.#ask()
      if (this.#isClosed) return
      delayMs = this.#take(response, askedAt)
    } catch (error) {
      if (this.#isClosed) return
      delayMs = this.#fail(error)
    }
    // a listener may have closed us meanwhile
    if (!this.#isClosed) this.#cancelTimer = this.#options.clock.setTimer(() => void this.#refresh(), delayMs)
  }

  /** Ends in time even when the port does not heed its signal: everybody waits for this one answer. */
  async #ask(): Promise<KeySetResponse> {
    const { clock, fetch, timeoutMs } = this.#options
    const abort = new AbortController()
    const { signal } = abort
    const late = new Promise<never>((_, reject) => {
      const error = () => new KeySetFetchFailed('fetch_timeout', 'expected an answer in time')
      signal.addEventListener('abort', () => reject(error()), { once: true })
    })
    const cancelDeadline = clock.setTimer(() => abort.abort(), timeoutMs)
    this.#abortFlight = () => abort.abort()
    try {
      return await Promise.race([fetch({ etag: this.#held?.etag, signal }), late])
    } finally {
      cancelDeadline()
      this.#abortFlight = () => {}
    }
  }

  /** Returns when to refresh: at 70 to 80 % of the cache time, so that replicas spread and none is ever late. */
  #take(response: KeySetResponse, askedAt: number): number {
    const before = this.#held
    const set = this.#setOf(response, before)
    const freshMs = freshForMs(response, this.#options.cache)
    const freshUntil = askedAt + freshMs
    this.#held = {
      set,
      etag: response.etag ?? (response.status === 304 ? before?.etag : undefined),
      askedAt,
      freshUntil,
      usableUntil: freshUntil + this.#options.staleIfErrorMs,
    }
    this.#failures = 0
    this.#lastError = undefined
    this.#succeeded += 1
    this.#announce(before?.set, set)
    const refreshAt = askedAt + Math.floor(freshMs * (0.8 - 0.1 * this.#options.random()))
    return Math.max(SHORTEST_WAIT_MS, refreshAt - this.#now())
  }

  #setOf(response: KeySetResponse, before: HeldSet | undefined): JwkSet {
    if (response.status === 304) {
      if (before?.etag !== undefined) return before.set
      throw new KeySetFetchFailed('fetch_status', 'expected 304 only for a set that is held')
    }
    const set = parseJwkSet(response.body, { allowForeignKids: this.#options.allowForeignKids })
    const [held, offered] = [before?.set.edition, set.edition]
    if (held !== undefined && offered?.ring === held.ring && offered.version < held.version) {
      throw new KeyturnError('key_set_older', 'expected a set that is not older than the one in use')
    }
    return set
  }

  #fail(error: unknown): number {
    const ceilingMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(this.#failures, 10), LONGEST_RETRY_MS)
    const retryInMs = Math.max(SHORTEST_WAIT_MS, ceilingMs * this.#options.random())
    this.#failures += 1
    this.#failed += 1
    this.#lastError = error instanceof KeyturnError ? error.code : 'internal_error'
    this.#retryAt = this.#now() + retryInMs
    const { code, failures } = { code: this.#lastError, failures: this.#failures }
    this.#options.onEvent({ kind: 'keys-fetch-failed', code, failures, retryInMs })
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
    const isWarm = this.#isUsable()
    if (isWarm && this.#isRemembered(kid)) return false
    if (this.#flight !== undefined) return true
    return this.#mayFetch() && (!isWarm || this.#unknownKids.takeAttempt(this.#now()))
  }

  /** While the endpoint fails, questions are answered by the last failure until the next attempt is due. */
  #mayFetch(): boolean {
    return !this.#isClosed && this.#now() >= this.#retryAt
  }

  async #search(kid: string): Promise<void> {
    await this.#refresh()
    if (this.#isFresh() && this.find(kid) === undefined) this.#unknownKids.remember(kid, this.#now())
  }

  #isRemembered(kid: string): boolean {
    return this.#unknownKids.isRemembered(kid, this.#now())
  }

  #isUsable(): boolean {
    return this.#held !== undefined && this.#now() < this.#held.usableUntil
  }

  #isFresh(): boolean {
    return this.#held !== undefined && this.#now() < this.#held.freshUntil && this.#lastError === undefined
  }

  #unavailable(): KeysUnavailable {
    const why = this.#lastError === undefined ? '' : ` (${this.#lastError})`
    return new KeysUnavailable(`the key set at ${this.#place} cannot be had now${why}`, {
      retryAfterSeconds: Math.max(0, this.#retryAt - this.#now()) / 1000,
    })
  }

  #now(): number {
    return this.#options.clock.monotonicNow()
  }
}
