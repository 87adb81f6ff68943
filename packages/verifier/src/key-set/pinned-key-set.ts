import type { Clock, JwkSet, VerificationKey } from '@keyturn/core'
import type { KeySource, KeySourceReport } from './key-source.ts'

/** Keys that somebody has decided on, and that nothing but another decision changes. */
export class PinnedKeySet implements KeySource {
  readonly #set: JwkSet
  readonly #clock: Clock

  constructor(set: JwkSet, clock: Clock) {
    this.#set = set
    this.#clock = clock
  }

  find(kid: string): VerificationKey | undefined {
    return this.#set.keys.get(kid)
  }

  async lookFor(kid: string): Promise<VerificationKey | undefined> {
    return this.find(kid)
  }

  lookForSoon(): undefined {}

  async ready(): Promise<void> {}

  report(): KeySourceReport {
    return {
      status: this.#hasKeysLeft() ? 'fresh' : 'unavailable',
      source: 'pinned',
      rootKid: undefined,
      url: undefined,
      kids: [...this.#set.keys.keys()],
      ageSeconds: undefined,
      circuit: 'closed',
      consecutiveFailures: 0,
      lastError: undefined,
      refreshes: { success: 0, failure: 0 },
    }
  }

  close(): void {}

  #hasKeysLeft(): boolean {
    const now = this.#clock.now()
    return [...this.#set.keys.values()].some(({ expiresAt }) => now < expiresAt)
  }
}
