import {
  type Clock,
  isolatedListener,
  KeysUnavailable,
  ownOptions,
  type ParsedToken,
  type Session,
  sessionOf,
  systemClock,
  TokenChecker,
  TokenRejected,
  type VerificationKey,
  type VerifiedToken,
} from '@keyturn/core'
import { publishEvent, publishRefusal } from './event-channels.ts'
import type { KeySource, KeySourceReport } from './key-set/key-source.ts'
import { openKeySource } from './key-set/open-key-source.ts'
import { optionInvalid } from './option-invalid.ts'
import { TokenCache } from './token-cache.ts'
import type { TokenVerifier } from './token-verifier.ts'
import { type TokenEnd, TokenWatch } from './token-watch.ts'
import { inGivenNames } from './variable-names.ts'
import { assertOptions, type VerifierOptions } from './verifier-options.ts'

/** State of a verifier, and what it has done since it was made. */
export interface VerifierHealth extends KeySourceReport {
  /** Verifications by result: `accepted`, a rejection code, or `keys_unavailable`. */
  readonly verifications: Readonly<Record<string, number>>
  /** Verified tokens that are remembered, and how many of the accepted ones were; 0 where `tokenCacheSize` is. */
  readonly tokenCache: { readonly size: number; readonly hits: number }
}

/** 1.9 times 8 KiB for each: more than that is no cache. */
const LARGEST_CACHE = 100_000

/**
 * Makes a verifier. Does no I/O: the keys are fetched by {@link Verifier.ready}, or by the first token.
 *
 * @throws {KeyturnError} `expectations_invalid`, `algorithm_unavailable`, `jwks_url_invalid`, `verifier_options_invalid`
 *
 * @example
 * const verifier = createVerifier({ issuer: 'https://auth.example', audience: 'https://api.example' })
 * const session = verifier.session(await verifier.verify(jwt))
 */
export function createVerifier(options: VerifierOptions): Verifier {
  return inGivenNames(options, () => new Verifier(options))
}

/** Verifies tokens locally, with keys that it keeps up to date by itself. */
export class Verifier implements TokenVerifier {
  readonly #issuer: string
  readonly #checker: TokenChecker
  readonly #keys: KeySource
  readonly #clock: Clock
  readonly #watch: TokenWatch
  readonly #cache: TokenCache | undefined
  readonly #rejections = new Map<string, number>()
  /** What has verified a token, where a kid may come to name another key. */
  readonly #keysOfTokens: WeakMap<VerifiedToken, VerificationKey> | undefined
  #accepted = 0
  #cacheHits = 0

  /** See {@link createVerifier}. */
  constructor(given: VerifierOptions) {
    const options = ownOptions(given, 'verifier_options_invalid')
    assertOptions(options)
    this.#issuer = options.issuer
    this.#checker = new TokenChecker(options)
    this.#clock = options.clock ?? systemClock
    const tell = isolatedListener(options.onEvent)
    this.#keys = openKeySource(options, this.#clock, (event) => {
      tell(event)
      publishEvent(this.#issuer, event)
      this.#watch.keysChanged()
      if (event.kind === 'keys-replaced') this.#forgetOtherKeys()
    })
    this.#cache = cacheOf(options)
    if (options.allowForeignKids === true) this.#keysOfTokens = new WeakMap()
    this.#watch = new TokenWatch({
      keys: this.#keys,
      endOf: (token) => this.#checker.endOf(token),
      clock: this.#clock,
    })
  }

  /**
   * Resolves when there are keys, so that the first token need not wait. While they cannot be had it tries again, with growing
   * pauses, for `withinSeconds`; by default it tries once.
   *
   * @throws {KeysUnavailable}
   *
   * @example
   * await verifier.ready({ withinSeconds: 30 })
   */
  async ready({ withinSeconds = 0 }: { readonly withinSeconds?: number } = {}): Promise<void> {
    await this.#keys.ready(withinSeconds * 1000)
  }

  /**
   * Verifies a token. Waits only when its key is not in memory.
   *
   * @throws {TokenRejected} the token is bad: answer 401
   * @throws {KeysUnavailable} the keys cannot be had: answer 503
   */
  async verify(jwt: unknown): Promise<VerifiedToken> {
    try {
      const recalled = this.#recall(jwt)
      if (recalled !== undefined) return recalled
      const parsed = this.#checker.parse(jwt)
      const { kid } = parsed.header
      return this.#verifyBy(this.#keys.find(kid) ?? (await this.#keys.lookFor(kid)), parsed, jwt)
    } catch (error) {
      throw this.#counted(error)
    }
  }

  /**
   * Verifies a token without waiting. A kid that is not in memory is looked for in the background, within the same bounds,
   * and is `KeysUnavailable` meanwhile.
   *
   * @throws {TokenRejected} the token is bad: answer 401
   * @throws {KeysUnavailable} the keys are not in memory: answer 503
   */
  verifySync(jwt: unknown): VerifiedToken {
    try {
      const recalled = this.#recall(jwt)
      if (recalled !== undefined) return recalled
      const parsed = this.#checker.parse(jwt)
      return this.#verifyBy(this.#findNow(parsed.header.kid), parsed, jwt)
    } catch (error) {
      throw this.#counted(error)
    }
  }

  /** Who speaks, according to a verified token. */
  session(token: VerifiedToken): Session {
    return sessionOf(token)
  }

  /**
   * Tells once when a token that was verified here would be refused: `TokenRejected` when its time is over or its key has
   * left the set, `KeysUnavailable` when the keys cannot be had for so long that nothing is certain. For what outlives a
   * request, such as a socket. A token that is no longer good is told of soon after, never at once. What fails in `onEnd` becomes a
   * warning of the process.
   *
   * @returns what ends the watch: call it when the socket closes
   *
   * @example
   * const unwatch = verifier.watch(token, () => stream.destroy())
   * stream.once('close', unwatch)
   */
  watch(token: VerifiedToken, onEnd: (reason: TokenEnd) => void): () => void {
    return this.#watch.watch(token, onEnd, this.#keysOfTokens?.get(token))
  }

  health(): VerifierHealth {
    return {
      ...this.#keys.report(),
      verifications: {
        ...(this.#accepted === 0 ? {} : { accepted: this.#accepted }),
        ...Object.fromEntries(this.#rejections),
      },
      tokenCache: { size: this.#cache?.size ?? 0, hits: this.#cacheHits },
    }
  }

  /** Stops refreshing. Idempotent. */
  close(): void {
    this.#keys.close()
  }

  /**
   * A token that was verified by the very key that is in use, and would be accepted again.
   *
   * @throws {TokenRejected} when it would not
   */
  #recall(jwt: unknown): VerifiedToken | undefined {
    const cached = typeof jwt === 'string' ? this.#cache?.find(jwt) : undefined
    if (cached === undefined) return undefined
    // a key that has ended, or that came with another set, is another object
    if (this.#keys.find(cached.key.kid) !== cached.key) {
      this.#cache?.delete(cached)
      return undefined
    }
    try {
      this.#checker.recheck(cached.token, this.#clock.now())
    } catch (error) {
      this.#cache?.delete(cached)
      throw error
    }
    this.#cacheHits += 1
    this.#accepted += 1
    return cached.token
  }

  /** @throws {KeysUnavailable} while nobody can say that there is no such key */
  #findNow(kid: string): VerificationKey | undefined {
    const key = this.#keys.find(kid)
    const unavailable = key === undefined ? this.#keys.lookForSoon(kid) : undefined
    if (unavailable !== undefined) throw unavailable
    return key
  }

  #verifyBy(key: VerificationKey | undefined, parsed: ParsedToken, jwt: unknown): VerifiedToken {
    if (key === undefined) throw new TokenRejected('key_unknown')
    const token = this.#checker.verify(parsed, key, this.#clock.now())
    if (typeof jwt === 'string') this.#cache?.add(jwt, token, key)
    this.#keysOfTokens?.set(token, key)
    this.#accepted += 1
    return token
  }

  /** What a withdrawn key has signed is not kept in memory. */
  #forgetOtherKeys(): void {
    this.#cache?.retain(({ key }) => this.#keys.find(key.kid) === key)
  }

  #counted(error: unknown): unknown {
    if (error instanceof TokenRejected || error instanceof KeysUnavailable) {
      this.#rejections.set(error.code, (this.#rejections.get(error.code) ?? 0) + 1)
      publishRefusal(this.#issuer, error)
    }
    return error
  }
}

function cacheOf({ tokenCacheSize = 0 }: VerifierOptions): TokenCache | undefined {
  if (tokenCacheSize === 0) return undefined
  if (Number.isInteger(tokenCacheSize) && tokenCacheSize >= 2 && tokenCacheSize <= LARGEST_CACHE) {
    return new TokenCache(tokenCacheSize)
  }
  throw optionInvalid('tokenCacheSize', `0, or 2 to ${LARGEST_CACHE}`)
}
