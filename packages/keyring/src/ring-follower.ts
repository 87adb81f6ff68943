import { type Clock, KeyturnError } from '@keyturn/core'
import type { KeyringEvent } from './events.ts'
import type { RingKeeper } from './ring-keeper.ts'
import type { KeyStore } from './stores/key-store.ts'

/** What a {@link RingFollower} works with. */
export interface RingFollowerOptions {
  readonly store: KeyStore
  readonly keeper: RingKeeper
  readonly clock: Clock
  /** P: a write of others is seen within this time. */
  readonly pollMs: number
  readonly onEvent: (event: KeyringEvent) => void
  /** The ring has been changed by others. */
  readonly onAdopted: () => void
}

/** Follows what others write to the store, and knows when this process may have missed something. */
export class RingFollower {
  readonly #options: RingFollowerOptions
  #stop = () => {}
  #error: string | undefined
  /** When the question was put of which the answer is known. The answer may have slept with us. */
  #lookedAt = Number.POSITIVE_INFINITY
  #askedAt: number | undefined
  #look: Promise<void> | undefined
  #reload: Promise<void> | undefined

  constructor(options: RingFollowerOptions) {
    this.#options = options
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
    return this.#options.clock.monotonicNow() - this.#lookedAt > this.#options.pollMs
  }

  start(): void {
    this.#noteLook()
    this.#stop = this.#options.store.watch({
      onLook: () => {
        this.#askedAt = this.#options.clock.monotonicNow()
      },
      onChange: (ring) => {
        this.#noteLook()
        try {
          this.#options.keeper.adopt(ring)
          this.#error = undefined
          this.#options.onAdopted()
        } catch (error) {
          this.#noteError(error)
        }
      },
      onHealthy: () => {
        this.#noteLook()
        // the wrong ring reads well; it is still the wrong one
        if (this.#error !== 'ring_replaced') this.#error = undefined
      },
      onError: (error) => {
        this.#noteLook()
        this.#noteError(error)
      },
    })
  }

  stop(): void {
    this.#stop()
    this.#lookedAt = Number.POSITIVE_INFINITY
  }

  /**
   * Looks at the store if anything may have been missed, one look for all who wait, and no longer than P: where the store does not answer, what is
   * known has to do.
   */
  async catchUp(): Promise<void> {
    if (!this.mayHaveSlept) return
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
    const { keeper, clock, pollMs, onAdopted } = this.#options
    const askedAt = clock.monotonicNow()
    if (this.#reload !== undefined) {
      // the last question hangs: another would hang too, and cost a thread
      this.#lookedAt = askedAt
      this.#noteError(noAnswer())
      return
    }
    this.#reload = keeper.reload().finally(() => {
      this.#reload = undefined
    })
    let cancel = () => {}
    const late = new Promise<'late'>((resolve) => {
      cancel = clock.setTimer(() => resolve('late'), pollMs)
    })
    try {
      if ((await Promise.race([this.#reload, late])) === 'late') throw noAnswer()
      this.#lookedAt = askedAt
      onAdopted()
    } catch (error) {
      this.#lookedAt = clock.monotonicNow()
      this.#noteError(error)
    } finally {
      cancel()
    }
  }

  #noteLook(): void {
    this.#lookedAt = this.#askedAt ?? this.#options.clock.monotonicNow()
    this.#askedAt = undefined
  }

  #noteError(error: unknown): void {
    const code = error instanceof KeyturnError ? error.code : 'internal_error'
    if (code !== this.#error) this.#options.onEvent({ kind: 'store-unreadable', code })
    this.#error = code
  }
}

function noAnswer(): KeyturnError {
  return new KeyturnError('store_failed', 'the key store does not answer')
}
