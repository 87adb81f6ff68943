import {
  type Clock,
  type JwkSet,
  KeysUnavailable,
  KeyturnError,
  parseJwkSet,
  type VerificationKey,
} from '@keyturn/core'
import { type CacheBounds, freshForMs } from './cache-policy.ts'
import type { VerifierEvent } from './events.ts'
import type { FetchKeySet, KeySetResponse } from './http-fetch.ts'
import type { KeySource, KeySourceReport } from './key-source.ts'
import { RefetchBudget } from './refetch-budget.ts'

/** What a {@link RemoteKeySet} goes by. */
export interface RemoteKeySetOptions {
  readonly url: string
  readonly fetch: FetchKeySet
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
const UNKNOWN_KID_BUDGET = Object.freeze({ size: 2, refillMs: 5000 })
const REMEMBERED_UNKNOWN_KIDS = 1000

/**
 * A key set that is fetched and kept: one fetch at a time however many wait, refreshed ahead in the background, used for a
 * bounded time while the endpoint fails. A good set replaces the one before whole; nothing else does.
 */
export class RemoteKeySet implements KeySource {
  readonly #options: RemoteKeySetOptions
  readonly #budget: RefetchBudget
  readonly #abort = new AbortController()
  readonly #unknownKids = new Set<string>()
  #held: HeldSet | undefined
  #flight: Promise<void> | undefined
  #cancelTimer = () => {}
  #retryAt = Number.NEGATIVE_INFINITY
  #failures = 0
  #lastError: string | undefined
  #succeeded = 0
  #failed = 0

  constructor(options: RemoteKeySetOptions) {
    this.#options = options
    this.#budget = new RefetchBudget({ ...UNKNOWN_KID_BUDGET, nowMs: options.clock.monotonicNow() })
  }

  find(kid: string): VerificationKey | undefined {
    const held = this.#held
    if (held === undefined || this.#now() >= held.usableUntil) return undefined
    return held.set.keys.get(kid)
  }

  async lookFor(kid: string): Promise<VerificationKey | undefined> {
    if (!this.#isUsable()) {
      await this.ready()
    } else if (this.#mayHelpToFetch(kid)) {
      await this.#refresh()
      if (this.#lastError === undefined) this.#rememberUnknown(kid)
    }
    const key = this.find(kid)
    if (key === undefined && !this.#isFresh()) throw this.#unavailable()
    return key
  }

  lookForSoon(kid: string): KeysUnavailable | undefined {
    if (this.#isFresh() && !this.#mayHelpToFetch(kid)) return undefined
    if (this.#isUsable() || this.#now() >= this.#retryAt) {
      void this.#refresh().then(() => {
        if (this.#lastError === undefined) this.#rememberUnknown(kid)
      })
    }
    return this.#unavailable()
  }

  async ready(): Promise<void> {
    if (this.#isUsable()) return
    // while the endpoint fails, questions are answered by the last failure until the next attempt is due
    if (this.#flight !== undefined || this.#now() >= this.#retryAt) await this.#refresh()
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
    this.#abort.abort()
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
    if (this.#abort.signal.aborted) return
    this.#cancelTimer()
    // what counts is when the question was asked: the answer may have been on its way ever since
    const askedAt = this.#now()
    let delayMs: number
    try {
      const response = await this.#options.fetch({ etag: this.#held?.etag, signal: this.#abort.signal })
      delayMs = this.#take(response, askedAt)
    } catch (error) {
      delayMs = this.#fail(error)
    }
    if (this.#abort.signal.aborted) return
    this.#cancelTimer = this.#options.clock.setTimer(() => void this.#refresh(), delayMs)
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
    return freshMs * (0.8 - 0.1 * this.#options.random()) - (this.#now() - askedAt)
  }

  #setOf(response: KeySetResponse, before: HeldSet | undefined): JwkSet {
    if (response.status === 304) {
      if (before === undefined)
        throw new KeyturnError('fetch_status', 'expected 304 only for a set that is held')
      return before.set
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
    const retryInMs = Math.max(100, ceilingMs * this.#options.random())
    this.#failures += 1
    this.#failed += 1
    this.#lastError = error instanceof KeyturnError ? error.code : 'internal_error'
    this.#retryAt = this.#now() + retryInMs
    const { code, failures } = { code: this.#lastError, failures: this.#failures }
    if (!this.#abort.signal.aborted)
      this.#options.onEvent({ kind: 'keys-fetch-failed', code, failures, retryInMs })
    return retryInMs
  }

  #announce(before: JwkSet | undefined, after: JwkSet): void {
    if (before === after) {
      this.#options.onEvent({ kind: 'keys-confirmed' })
      return
    }
    this.#unknownKids.clear()
    const added = [...after.keys.keys()].filter((kid) => before?.keys.has(kid) !== true)
    const removed = [...(before?.keys.keys() ?? [])].filter((kid) => !after.keys.has(kid))
    const skipped = after.skipped.map(({ code }) => code)
    this.#options.onEvent({ kind: 'keys-replaced', added, removed, skipped })
  }

  #mayHelpToFetch(kid: string): boolean {
    if (this.#unknownKids.has(kid)) return false
    if (this.#flight !== undefined || this.#budget.take(this.#now())) return true
    this.#options.onEvent({ kind: 'unknown-kid-over-budget' })
    return false
  }

  #rememberUnknown(kid: string): void {
    if (this.#held?.set.keys.has(kid) === true) return
    if (this.#unknownKids.size >= REMEMBERED_UNKNOWN_KIDS) this.#unknownKids.clear()
    this.#unknownKids.add(kid)
  }

  #isUsable(): boolean {
    return this.#held !== undefined && this.#now() < this.#held.usableUntil
  }

  #isFresh(): boolean {
    return this.#held !== undefined && this.#now() < this.#held.freshUntil && this.#lastError === undefined
  }

  #unavailable(): KeysUnavailable {
    const why = this.#lastError === undefined ? '' : ` (${this.#lastError})`
    return new KeysUnavailable(`the key set cannot be had now${why}`, {
      retryAfterSeconds: Math.max(0, this.#retryAt - this.#now()) / 1000,
    })
  }

  #now(): number {
    return this.#options.clock.monotonicNow()
  }
}
