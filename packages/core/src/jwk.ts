import { createPublicKey } from 'node:crypto'
import { ALGORITHMS, isAlgorithmName, type SignatureAlgorithm } from './algorithms.ts'
import { isAlgorithmAvailable } from './available-algorithms.ts'
import { decodeBase64url } from './base64url.ts'
import { type CryptoKeyInput, cryptoKeyInput } from './crypto-key-input.ts'
import { KeyturnError } from './errors.ts'
import { isJsonObject, isStringArray, type JsonObject } from './json.ts'
import { KEY_TYPES, type KeyMember, type PublicJwk, type PublishedJwk } from './public-jwk.ts'
import { requiredMembers, thumbprint } from './thumbprint.ts'

/** A public key that passed {@link parseJwk}: fit to verify, bound to one algorithm. */
export interface VerificationKey {
  readonly kid: string
  readonly algorithm: SignatureAlgorithm
  /** Public members only, whatever else the document held. */
  readonly jwk: PublishedJwk
  /** When the key ends, in milliseconds since the epoch; `Infinity` while no end is fixed. */
  readonly expiresAt: number
  readonly signatureBytes: number
  /** What `crypto.verify` takes; made once, because making it costs more than a verification. */
  readonly cryptoKey: CryptoKeyInput
}

/** What {@link parseJwk} may let pass. */
export interface JwkOptions {
  /** Accept a `kid` that is not the key's thumbprint: another issuer's set. Default `false`. */
  readonly allowForeignKids?: boolean
  /** Accept only keys with one of these RFC 7638 thumbprints. Default: all. */
  readonly thumbprints?: ReadonlySet<string>
}

/** Why {@link parseJwk} refuses a key. */
export type JwkRefusalCode =
  | 'key_malformed'
  | 'key_private'
  | 'key_symmetric'
  | 'key_unknown_type'
  | 'key_not_for_signatures'
  | 'key_weak'
  | 'key_kid_mismatch'
  | 'key_not_pinned'
  | 'algorithm_unavailable'

/** A key of a set, or one to import, is unfit; see `code`. */
export class JwkRefused extends KeyturnError {
  override readonly name = 'JwkRefused'
  declare readonly code: JwkRefusalCode

  constructor(code: JwkRefusalCode, expectation: string, cause?: unknown) {
    super(code, `key refused: ${expectation}`, { cause })
  }
}

const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'priv'] as const
const LONGEST_KID = 256
/** Longer than any date: keeps the seconds exact once they are milliseconds. */
const LATEST_END_SECONDS = 8.64e12
/** 8192 bits in base64url: the longest modulus. */
const LONGEST_NUMBER = 1366

/**
 * Takes a public signing key from a document that anyone may have written (RFC 7517, strict profile).
 *
 * @throws {JwkRefused} with a {@link JwkRefusalCode}
 */
export function parseJwk(value: unknown, options: JwkOptions = {}): VerificationKey {
  if (!isJsonObject(value)) throw new JwkRefused('key_malformed', 'expected a JSON object')
  refuseSecrets(value)
  refuseOtherUses(value)
  const { kid, alg } = value
  if (!isKid(kid)) throw new JwkRefused('key_malformed', 'expected kid, a string of 1 to 256 characters')
  if (!isAlgorithmName(alg)) throw new JwkRefused('key_unknown_type', 'expected a known signature alg')
  const algorithm = ALGORITHMS[alg]
  if (!isAlgorithmAvailable(alg)) {
    throw new JwkRefused('algorithm_unavailable', `expected a runtime that has ${alg}: ${algorithm.runtime}`)
  }
  const { members, modulusBytes } = parsePublicMembers(value, algorithm)
  const name = thumbprint(members)
  if (options.allowForeignKids !== true && kid !== name) {
    throw new JwkRefused('key_kid_mismatch', "expected kid to be the key's RFC 7638 thumbprint")
  }
  if (options.thumbprints?.has(name) === false) {
    throw new JwkRefused('key_not_pinned', 'expected a key whose thumbprint is pinned')
  }
  const exp = parseEnd(value.exp)
  return Object.freeze({
    kid,
    algorithm,
    jwk: Object.freeze({ ...members, kid, alg, use: 'sig' as const, ...(exp === undefined ? {} : { exp }) }),
    expiresAt: exp === undefined ? Number.POSITIVE_INFINITY : exp * 1000,
    signatureBytes: algorithm.signatureBytes ?? modulusBytes,
    cryptoKey: importKey(members, algorithm),
  })
}

/** Says whether a value can be a `kid`: a string, neither empty nor boundless. */
export function isKid(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= LONGEST_KID
}

/** Says whether a value is a whole number, not negative, and exact. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function refuseSecrets(value: JsonObject): void {
  if (value.kty === 'oct' || Object.hasOwn(value, 'k')) {
    throw new JwkRefused('key_symmetric', 'expected a public key, not a shared secret')
  }
  if (PRIVATE_MEMBERS.some((member) => Object.hasOwn(value, member))) {
    throw new JwkRefused('key_private', 'expected a public key, not a private one')
  }
}

function refuseOtherUses(value: JsonObject): void {
  const { use, key_ops: operations, ext } = value
  const verifies = operations === undefined || (isStringArray(operations) && operations.includes('verify'))
  if ((use !== undefined && use !== 'sig') || !verifies) {
    throw new JwkRefused('key_not_for_signatures', 'expected a key whose use is sig')
  }
  const isRepeated = operations !== undefined && new Set(operations).size < operations.length
  if (isRepeated || (ext !== undefined && typeof ext !== 'boolean')) {
    // MUST NOT be repeated (RFC 7517, section 4.3); ext is Web Cryptography's
    throw new JwkRefused('key_malformed', 'expected each of key_ops once, and ext to be true or false')
  }
}

function parsePublicMembers(value: JsonObject, algorithm: SignatureAlgorithm) {
  const { kty, crv, publicKeyBytes, weaknessOf } = algorithm
  if (value.kty !== kty) throw new JwkRefused('key_malformed', 'expected the kty of its alg')
  if (crv !== undefined && value.crv !== crv) {
    throw new JwkRefused('key_malformed', 'expected the crv of its alg')
  }
  const names = KEY_TYPES[kty].bytes
  const memberBytes = publicKeyBytes === undefined ? undefined : publicKeyBytes / names.length
  const bytes = names.map((name) => parseBytes(value, name, memberBytes))
  const weakness = weaknessOf(...bytes)
  if (weakness !== undefined) throw new JwkRefused('key_weak', weakness)
  // an RSA signature is as long as the modulus (RFC 8017, section 8.2.2), which comes first
  return { members: requiredMembers(value as PublicJwk), modulusBytes: bytes[0]?.length ?? 0 }
}

/** Leading zeros count: a coordinate keeps them (RFC 7518, section 6.2.1.2). */
function parseBytes(value: JsonObject, member: KeyMember, length: number | undefined): Uint8Array {
  const text = value[member]
  const longest = length === undefined ? LONGEST_NUMBER : Math.ceil((length * 4) / 3)
  const bytes = typeof text === 'string' && text.length <= longest ? decodeBase64url(text) : undefined
  if (bytes === undefined || bytes.length === 0) {
    throw new JwkRefused('key_malformed', `expected ${member} in canonical base64url, of a bounded length`)
  }
  if (length !== undefined && bytes.length !== length) {
    throw new JwkRefused('key_malformed', `expected ${member} in the full length of its alg`)
  }
  return bytes
}

function parseEnd(exp: unknown): number | undefined {
  if (exp === undefined) return undefined
  if (isCount(exp) && exp <= LATEST_END_SECONDS) return exp
  throw new JwkRefused('key_malformed', 'expected exp in whole seconds')
}

function importKey(members: PublicJwk, algorithm: SignatureAlgorithm): CryptoKeyInput {
  try {
    return cryptoKeyInput(createPublicKey({ key: { ...members }, format: 'jwk' }), algorithm)
  } catch (cause) {
    throw new JwkRefused('key_malformed', 'expected a key that its kty and crv can have', cause)
  }
}
