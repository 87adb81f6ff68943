import type { Clock } from '@keyturn/core'
import type { Client } from 'pg'
import { backOffMs } from '../../back-off.ts'
import { CHANNEL } from './statements.ts'

/** What a {@link ChangeListener} works with. */
export interface ChangeListenerOptions {
  /** Makes a connection that is not open yet. */
  readonly connect: () => Client
  readonly clock: Clock
  /** Spreads retries; returns 0 to 1. */
  readonly random: () => number
  /** Something may have changed. */
  readonly onHint: () => void
}

/**
 * Listens for NOTIFY on a connection of its own, which it makes again when it breaks. Only a hint: whatever is missed here is
 * found by looking.
 */
export class ChangeListener {
  readonly #options: ChangeListenerOptions
  #client: Client | undefined
  #failures = 0
  #isStopped = false
  #cancel = () => {}

  constructor(options: ChangeListenerOptions) {
    this.#options = options
  }

  start(): void {
    const client = this.#options.connect()
    this.#client = client
    client.on('notification', () => this.#options.onHint())
    // both come when it breaks, and either may come alone
    const onBroken = () => this.#retry(client)
    client.on('error', onBroken)
    client.on('end', onBroken)
    this.#listen(client).catch(onBroken)
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel()
    if (this.#client !== undefined) discard(this.#client)
  }

  async #listen(client: Client): Promise<void> {
    await client.connect()
    await client.query(`LISTEN ${CHANNEL}`)
    const wasBroken = this.#failures > 0
    this.#failures = 0
    // what was told while nobody listened
    if (wasBroken && !this.#isStopped) this.#options.onHint()
  }

  #retry(client: Client): void {
    if (this.#client !== client) return
    this.#client = undefined
    discard(client)
    if (this.#isStopped) return
    const delayMs = backOffMs(this.#failures, this.#options.random())
    this.#failures += 1
    this.#cancel = this.#options.clock.setTimer(() => this.start(), delayMs)
  }
}

function discard(client: Client): void {
  client.end().catch(() => {})
}
