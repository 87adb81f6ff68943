import type { Clock } from '@keyturn/core'
import type { FetchKeySet, KeySetResponse } from './http-fetch.ts'
import { KeySetFetchFailed } from './key-set-fetch-failed.ts'

/** What a {@link TimelyFetch} goes by. */
export interface TimelyFetchOptions {
  readonly fetch: FetchKeySet
  /** From the question to the last byte. */
  readonly timeoutMs: number
  readonly clock: Clock
}

/** One question at a time, which ends in time even when the port does not heed its signal: everybody waits for this one answer. */
export class TimelyFetch {
  readonly #options: TimelyFetchOptions
  #abort = () => {}

  constructor(options: TimelyFetchOptions) {
    this.#options = options
  }

  /** @throws {KeySetFetchFailed} `fetch_timeout`, and whatever the port throws */
  async ask(etag: string | undefined): Promise<KeySetResponse> {
    const { clock, fetch, timeoutMs } = this.#options
    const controller = new AbortController()
    const { signal } = controller
    const abort = () => controller.abort()
    const late = new Promise<never>((_, reject) => {
      const error = () => new KeySetFetchFailed('fetch_timeout', 'expected an answer in time')
      signal.addEventListener('abort', () => reject(error()), { once: true })
    })
    const cancelDeadline = clock.setTimer(abort, timeoutMs)
    this.#abort = abort
    try {
      return await Promise.race([fetch({ etag, signal }), late])
    } finally {
      cancelDeadline()
      this.#abort = () => {}
    }
  }

  /** Ends the question that is out, if one is. */
  abort(): void {
    this.#abort()
  }
}
