import { KeyturnError } from './errors.ts'
import { isJsonObject, type JsonObject, parseJsonObject } from './json.ts'
import { isCount, isKid, type JwkOptions, JwkRefused, parseJwk, type VerificationKey } from './jwk.ts'
import type { PublishedJwk } from './public-jwk.ts'

/**
 * Bounds of a key set document; an authority refuses settings under which its own set would not fit. A set of `signableBytes` is
 * within `bytes` once a root has signed it too, with whichever algorithm.
 */
export const JWK_SET_LIMITS = Object.freeze({ bytes: 65_536, signableBytes: 43_008, keys: 32 })

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

/** Public keys by their kid, never empty. Frozen, but for the map, which whoever has it must leave as it is. */
export interface JwkSet {
  readonly keys: ReadonlyMap<string, VerificationKey>
  readonly skipped: readonly SkippedKey[]
  readonly edition: KeySetEdition | undefined
  /** Whose signature vouches for it; `undefined` where it is not signed. */
  readonly signature: JwkSetSignature | undefined
}

/** What a signed set says of itself. */
export interface JwkSetSignature {
  readonly rootKid: string
  /** When it was signed; in milliseconds since the epoch. */
  readonly issuedAt: number
  /** When nothing of the set may be used any more, the tolerance for clocks included; in milliseconds since the epoch. */
  readonly expiresAt: number
}

/** Why a document as a whole is refused. */
export type JwkSetRefusalCode =
  | 'key_set_too_large'
  | 'key_set_malformed'
  | 'key_set_without_usable_key'
  | 'key_set_not_signed'
  | 'key_set_root_unknown'
  | 'key_set_signature_invalid'
  | 'key_set_issuer_mismatch'
  | 'key_set_from_future'
  | 'key_set_expired'

/** A document as a whole is no key set, holds no key that can be used, or is not signed as it should be; see `code`. */
export class JwkSetRefused extends KeyturnError {
  override readonly name = 'JwkSetRefused'
  declare readonly code: JwkSetRefusalCode

  constructor(code: JwkSetRefusalCode, expectation: string, options: { cause?: unknown } = {}) {
    super(code, `key set refused: ${expectation}`, options)
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
  assertSize(document)
  return jwkSetOf(parseJsonObject(document, MAX_DEPTH), options)
}

/** @throws {JwkSetRefused} `key_set_too_large` */
export function assertSize(document: Uint8Array): void {
  if (document.length <= JWK_SET_LIMITS.bytes) return
  throw new JwkSetRefused('key_set_too_large', `expected at most ${JWK_SET_LIMITS.bytes} bytes`)
}

/**
 * The set that an object holds, however that came.
 *
 * @throws {JwkSetRefused}
 */
export function jwkSetOf(
  body: JsonObject | undefined,
  options: JwkOptions,
  signature?: JwkSetSignature,
): JwkSet {
  if (body === undefined || !Array.isArray(body.keys)) {
    throw new JwkSetRefused('key_set_malformed', 'expected a JSON object with an array of keys')
  }
  if (body.keys.length > JWK_SET_LIMITS.keys) {
    throw new JwkSetRefused('key_set_too_large', `expected at most ${JWK_SET_LIMITS.keys} keys`)
  }
  const { keys, skipped } = sortOut(body.keys, options)
  if (keys.size === 0)
    throw new JwkSetRefused('key_set_without_usable_key', 'expected at least one usable key')
  return Object.freeze({
    keys,
    skipped: Object.freeze(skipped),
    edition: parseEdition(body.keyturn),
    signature,
  })
}

function sortOut(entries: readonly unknown[], options: JwkOptions) {
  const keys = new Map<string, VerificationKey>()
  const skipped: SkippedKey[] = []
  const contested = contestedKids(entries)
  for (const [index, entry] of entries.entries()) {
    if (contested.has(kidOf(entry))) {
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

/** The kids that different entries claim: the same one twice is no contradiction. */
function contestedKids(entries: readonly unknown[]): ReadonlySet<unknown> {
  const claims = new Map<string, string>()
  const contested = new Set<unknown>()
  for (const entry of entries) {
    const kid = kidOf(entry)
    if (kid === undefined) continue
    const text = JSON.stringify(entry)
    if ((claims.get(kid) ?? text) !== text) contested.add(kid)
    claims.set(kid, text)
  }
  return contested
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
