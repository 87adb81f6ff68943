import {
  type Clock,
  type EndOfClaims,
  KeysUnavailable,
  requiredMembers,
  TokenRejected,
  type VerificationKey,
  type VerifiedToken,
  warnOfFailure,
} from '@keyturn/core'
import type { KeySource } from './key-set/key-source.ts'

/** What a {@link TokenWatch} goes by. */
export interface TokenWatchOptions {
  readonly keys: Pick<KeySource, 'find' | 'report'>
  readonly endOf: (token: VerifiedToken) => EndOfClaims
  readonly clock: Clock
}

/** Why a token that was good is not any more. */
export type TokenEnd = TokenRejected | KeysUnavailable

interface Watched {
  readonly kid: string
  /** The key that has verified the token, or another object of the same material. */
  key: VerificationKey | undefined
  readonly end: EndOfClaims
  readonly onEnd: (reason: TokenEnd) => void
  /** Nothing was known of the keys at the last look; it may be known by now. */
  isAwaitingKeys: boolean
  cancelTimer: () => void
}

/** The tokens of one kid. There may be very many, and who guesses kids brings events about: what changes nothing costs one look. */
interface Group {
  /** As it was when all of them were last looked at. */
  key: VerificationKey | undefined
  readonly members: Set<Watched>
}

/** A clock that is set, or a machine that slept, is noticed within this time. */
const LONGEST_WAIT_MS = 60_000
/** For so long keys may be fetched that have grown old unseen, as while a machine slept: whoever looks first begins that. */
const FETCH_MS = 5000

/**
 * Tokens that outlive the request in which they were verified, as on a socket. Each ends at the moment at which a
 * verification would refuse it: with its time, with its key, or when nothing is known of the keys for too long.
 */
export class TokenWatch {
  readonly #options: TokenWatchOptions
  readonly #groups = new Map<string, Group>()

  constructor(options: TokenWatchOptions) {
    this.#options = options
  }

  /**
   * Tells once, never before it has returned. Gives what ends the watch.
   *
   * @param key - What has verified the token, where that may be another than its kid names by now.
   */
  watch(token: VerifiedToken, onEnd: (reason: TokenEnd) => void, key?: VerificationKey): () => void {
    const { keys, endOf } = this.#options
    const { kid } = token.header
    const current = keys.find(kid)
    const watched: Watched = {
      kid,
      key: key ?? current,
      end: endOf(token),
      onEnd,
      isAwaitingKeys: false,
      cancelTimer: () => {},
    }
    const group = this.#groups.get(kid) ?? { key: current, members: new Set() }
    this.#groups.set(kid, group)
    group.members.add(watched)
    this.#look(watched)
    return () => {
      watched.cancelTimer()
      this.#forget(watched)
    }
  }

  /** To be called whenever something has become of the keys. */
  keysChanged(): void {
    for (const [kid, group] of this.#groups) {
      const { key: before, members } = group
      const key = this.#options.keys.find(kid)
      group.key = key
      if (isSameKey(before, key) && key.expiresAt === before?.expiresAt) continue
      for (const watched of members) this.#look(watched)
    }
  }

  /** Says whether it was watched until now. */
  #forget(watched: Watched): boolean {
    const members = this.#groups.get(watched.kid)?.members
    const wasWatched = members?.delete(watched) === true
    if (members?.size === 0) this.#groups.delete(watched.kid)
    return wasWatched
  }

  #look(watched: Watched): void {
    watched.cancelTimer()
    const now = this.#options.clock.now()
    const key = this.#options.keys.find(watched.kid)
    // nothing was known of the keys when the watch began, as after a sleep of the machine
    watched.key ??= key
    const reason = this.#reasonFor(watched, key, now)
    if (reason instanceof KeysUnavailable && !watched.isAwaitingKeys) {
      watched.isAwaitingKeys = true
      watched.cancelTimer = this.#options.clock.setTimer(() => this.#look(watched), FETCH_MS)
      return
    }
    if (reason !== undefined) {
      // on its own: what fails in a listener holds up neither the keys nor the others
      queueMicrotask(() => this.#tell(watched, reason))
      return
    }
    watched.key = key
    watched.isAwaitingKeys = false
    const endsAt = Math.min(watched.end.atSeconds * 1000, key?.expiresAt ?? Infinity)
    const waitMs = Math.min(endsAt - now, LONGEST_WAIT_MS)
    watched.cancelTimer = this.#options.clock.setTimer(() => this.#look(watched), waitMs)
  }

  #tell(watched: Watched, reason: TokenEnd): void {
    if (!this.#forget(watched)) return
    try {
      watched.onEnd(reason)
    } catch (error) {
      warnOfFailure('a listener of a watched token failed', 'KEYTURN_LISTENER', error)
    }
  }

  #reasonFor(watched: Watched, key: VerificationKey | undefined, now: number): TokenEnd | undefined {
    const { end } = watched
    // as a verification has it: what is no number is no time to let pass
    if (!(now < end.atSeconds * 1000)) return new TokenRejected(end.code)
    if (key === undefined && this.#options.keys.report().status === 'unavailable') {
      return new KeysUnavailable('the keys of a token in use cannot be had now')
    }
    const isGood = isSameKey(watched.key, key) && now < key.expiresAt
    return isGood ? undefined : new TokenRejected('key_unknown')
  }
}

/** A kid that is no thumbprint may come to name another key. */
function isSameKey(
  before: VerificationKey | undefined,
  after: VerificationKey | undefined,
): after is VerificationKey {
  if (before === undefined || after === undefined) return false
  return before === after || materialOf(before) === materialOf(after)
}

const materials = new WeakMap<VerificationKey, string>()

function materialOf(key: VerificationKey): string {
  const known = materials.get(key)
  if (known !== undefined) return known
  const material = JSON.stringify([key.algorithm.name, requiredMembers(key.jwk)])
  materials.set(key, material)
  return material
}
