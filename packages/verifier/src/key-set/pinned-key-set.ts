import type { JwkSet, VerificationKey } from '@keyturn/core'
import type { KeySource, KeySourceReport } from './key-source.ts'

/** Keys that somebody has decided on, and that nothing but another decision changes. */
export class PinnedKeySet implements KeySource {
  readonly #set: JwkSet

  constructor(set: JwkSet) {
    this.#set = set
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
      status: 'fresh',
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
}
