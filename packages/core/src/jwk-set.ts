import { KeyturnError } from './errors.ts'
import { isJsonObject, parseJsonObject } from './json.ts'
import { isKid, type JwkOptions, JwkRefused, parseJwk, type VerificationKey } from './jwk.ts'
import type { PublishedJwk } from './public-jwk.ts'

/** Bounds of a key set document; an authority refuses settings under which its own set would not fit. */
export const JWK_SET_LIMITS = Object.freeze({ bytes: 65_536, keys: 32 })

const MAX_DEPTH = 8

/** The document that an authority publishes (RFC 7517, section 5). */
export interface JwkSetDocument {
  readonly keys: readonly PublishedJwk[]
  /** What verifiers may know beyond the keys; others ignore it. */
  readonly keyturn?: KeySetEdition
}

/** Tells an older set from a newer one. */
export interface KeySetEdition {
  /** The ring that the set comes from; versions of different rings do not compare. */
  readonly ring: string
  /**
   * Grows with every write that changes the set, and never shrinks: a set with a lower one is older. What time alone changes
   * (a key begins to sign, or has ended) leaves it as it is.
   */
  readonly version: number
  /** When the `next` key is going to sign, in whole seconds since the epoch. */
  readonly next_activation?: number
}

/** A key of the document that cannot be used, and why. */
export interface SkippedKey {
  readonly index: number
  readonly code: JwkRefused['code'] | 'key_duplicate_kid'
}

/** Public keys by their kid: immutable, and never empty. */
export interface JwkSet {
  readonly keys: ReadonlyMap<string, VerificationKey>
  readonly skipped: readonly SkippedKey[]
  readonly edition: KeySetEdition | undefined
}

/** A document as a whole is no key set, or holds no key that can be used. */
export class JwkSetRefused extends KeyturnError {
  override readonly name = 'JwkSetRefused'
  declare readonly code: 'key_set_too_large' | 'key_set_malformed' | 'key_set_without_usable_key'

  constructor(code: JwkSetRefused['code'], expectation: string) {
    super(code, `key set refused: ${expectation}`)
  }
}

/**
 * Takes a key set from bytes that anyone may have written. An odd key is skipped and reported and never costs the good
 * ones; different keys of one kid are both skipped.
 *
 * @throws {JwkSetRefused} when no set, or no usable key, comes out of it
 *
 * @example
 * const set = parseJwkSet(await readFile('jwks.json'))
 * const key = set.keys.get(kid)
 */
export function parseJwkSet(document: Uint8Array, options: JwkOptions = {}): JwkSet {
  if (document.length > JWK_SET_LIMITS.bytes) {
    throw new JwkSetRefused('key_set_too_large', `expected at most ${JWK_SET_LIMITS.bytes} bytes`)
  }
  const body = parseJsonObject(document, MAX_DEPTH)
  if (body === undefined || !Array.isArray(body.keys)) {
    throw new JwkSetRefused('key_set_malformed', 'expected a JSON object with an array of keys')
  }
  if (body.keys.length > JWK_SET_LIMITS.keys) {
    throw new JwkSetRefused('key_set_too_large', `expected at most ${JWK_SET_LIMITS.keys} keys`)
  }
  const { keys, skipped } = sortOut(body.keys, options)
  if (keys.size === 0)
    throw new JwkSetRefused('key_set_without_usable_key', 'expected at least one usable key')
  return Object.freeze({ keys, skipped: Object.freeze(skipped), edition: parseEdition(body.keyturn) })
}

function sortOut(entries: readonly unknown[], options: JwkOptions) {
  const keys = new Map<string, VerificationKey>()
  const skipped: SkippedKey[] = []
  const claimed = entriesByKid(entries)
  for (const [index, entry] of entries.entries()) {
    const kid = kidOf(entry)
    if (kid !== undefined && (claimed.get(kid)?.size ?? 0) > 1) {
      skipped.push({ index, code: 'key_duplicate_kid' })
      continue
    }
    try {
      const key = parseJwk(entry, options)
      keys.set(key.kid, key)
    } catch (error) {
      if (!(error instanceof JwkRefused)) throw error
      skipped.push({ index, code: error.code })
    }
  }
  return { keys, skipped }
}

/** The different entries that claim a kid: the same one twice is no contradiction. */
function entriesByKid(entries: readonly unknown[]): Map<string, Set<string>> {
  const claims = new Map<string, Set<string>>()
  for (const entry of entries) {
    const kid = kidOf(entry)
    if (kid !== undefined) claims.set(kid, (claims.get(kid) ?? new Set()).add(JSON.stringify(entry)))
  }
  return claims
}

function kidOf(entry: unknown): string | undefined {
  const kid = isJsonObject(entry) ? entry.kid : undefined
  return isKid(kid) ? kid : undefined
}

/** A set without an edition, or with one that makes no sense, is another issuer's: it is taken as it comes. */
function parseEdition(value: unknown): KeySetEdition | undefined {
  if (!isJsonObject(value)) return undefined
  const { ring, version, next_activation: nextActivation } = value
  if (typeof ring !== 'string' || ring.length > 64 || !isCount(version)) return undefined
  return Object.freeze({
    ring,
    version,
    ...(isCount(nextActivation) ? { next_activation: nextActivation } : {}),
  })
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
