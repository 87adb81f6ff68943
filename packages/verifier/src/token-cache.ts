import type { VerificationKey, VerifiedToken } from '@keyturn/core'

/** A token that was verified, and by which key. */
export interface CachedToken {
  /** A copy of its own: the text that came may be a part of something larger. */
  readonly text: string
  readonly token: VerifiedToken
  readonly key: VerificationKey
}

/** The end of a signature, which nobody chooses freely: enough to find a token by, and never enough to know it by. */
const TAIL_CHARACTERS = 43

/**
 * Tokens that were verified, so that the same one again costs a comparison. Whatever is found here still has to be looked at: its times,
 * its key, what the caller checks. Nothing gets in that was not verified, so strangers can fill it with nothing but what they were given.
 *
 * Holds two generations of half the size. Who is seen again is of the young one; when that is full the old one goes.
 */
export class TokenCache {
  readonly #half: number
  #young = new Map<string, CachedToken>()
  #old = new Map<string, CachedToken>()

  /** `size` is how many tokens it holds at most; at least 2. */
  constructor(size: number) {
    this.#half = Math.floor(size / 2)
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  /** The very same text, to the last character; `undefined` when it was not verified, or has had to give way. */
  find(text: string): CachedToken | undefined {
    const tail = text.slice(-TAIL_CHARACTERS)
    const young = this.#young.get(tail)
    if (young !== undefined) return young.text === text ? young : undefined
    const old = this.#old.get(tail)
    if (old === undefined || old.text !== text) return undefined
    this.#old.delete(tail)
    this.#put(old)
    return old
  }

  add(text: string, token: VerifiedToken, key: VerificationKey): void {
    this.#put({ text: Buffer.from(text, 'latin1').toString('latin1'), token, key })
  }

  /** Lets go of every token that does not meet a condition. */
  retain(isGood: (cached: CachedToken) => boolean): void {
    for (const generation of [this.#young, this.#old]) {
      for (const [tail, cached] of generation) if (!isGood(cached)) generation.delete(tail)
    }
  }

  delete({ text }: CachedToken): void {
    const tail = text.slice(-TAIL_CHARACTERS)
    this.#young.delete(tail)
    this.#old.delete(tail)
  }

  #put(cached: CachedToken): void {
    if (this.#young.size >= this.#half) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(cached.text.slice(-TAIL_CHARACTERS), cached)
  }
}
