import { createPublicKey, type KeyObject } from 'node:crypto'
import { ALGORITHMS, isAlgorithmName, type SignatureAlgorithm } from './algorithms.ts'
import { decodeBase64url } from './base64url.ts'
import { KeyturnError } from './errors.ts'
import { isJsonObject, isStringArray, type JsonObject } from './json.ts'
import type { PublicJwk, PublishedJwk } from './public-jwk.ts'
import { thumbprint } from './thumbprint.ts'
import { ed25519Weakness, rsaWeakness } from './weak-keys.ts'

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
  readonly cryptoKey: { readonly key: KeyObject; readonly dsaEncoding?: 'ieee-p1363' }
}

/** What {@link parseJwk} may let pass. */
export interface JwkOptions {
  /** Accept a `kid` that is not the key's thumbprint: another issuer's set. Default `false`. */
  readonly allowForeignKids?: boolean
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
/** 8192 bits in base64url, the largest number that a member may hold. */
const LONGEST_MEMBER = 1366

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
  const members = parsePublicMembers(value, algorithm)
  if (options.allowForeignKids !== true && kid !== thumbprint(members)) {
    throw new JwkRefused('key_kid_mismatch', "expected kid to be the key's RFC 7638 thumbprint")
  }
  const exp = parseEnd(value.exp)
  return Object.freeze({
    kid,
    algorithm,
    jwk: Object.freeze({ ...members, kid, alg, use: 'sig' as const, ...(exp === undefined ? {} : { exp }) }),
    expiresAt: exp === undefined ? Number.POSITIVE_INFINITY : exp * 1000,
    signatureBytes: algorithm.signatureBytes ?? memberLength(members),
    cryptoKey: importKey(members, algorithm),
  })
}

/** Says whether a value can be a `kid`: a string, neither empty nor boundless. */
export function isKid(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= LONGEST_KID
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
  const { use, key_ops: operations } = value
  const verifies = operations === undefined || (isStringArray(operations) && operations.includes('verify'))
  if ((use !== undefined && use !== 'sig') || !verifies) {
    throw new JwkRefused('key_not_for_signatures', 'expected a key whose use is sig')
  }
}

function parsePublicMembers(value: JsonObject, algorithm: SignatureAlgorithm): PublicJwk {
  const { kty } = value
  if (kty !== algorithm.kty) throw new JwkRefused('key_malformed', 'expected the kty of its alg')
  if (kty === 'RSA') {
    const n = parseNumber(value, 'n')
    const e = parseNumber(value, 'e')
    refuseWeak(rsaWeakness(n.bytes, e.bytes))
    return { kty: 'RSA', n: n.text, e: e.text }
  }
  if (algorithm.crv === undefined || value.crv !== algorithm.crv) {
    throw new JwkRefused('key_malformed', 'expected the crv of its alg')
  }
  const x = parseNumber(value, 'x')
  if (kty === 'OKP') {
    refuseWeak(ed25519Weakness(x.bytes))
    return { kty: 'OKP', crv: algorithm.crv, x: x.text }
  }
  const y = parseNumber(value, 'y')
  if (x.bytes.length !== coordinateBytes(algorithm) || y.bytes.length !== coordinateBytes(algorithm)) {
    throw new JwkRefused('key_malformed', 'expected x and y of the full length of the curve')
  }
  return { kty: 'EC', crv: algorithm.crv, x: x.text, y: y.text }
}

function parseNumber(value: JsonObject, member: 'n' | 'e' | 'x' | 'y'): { text: string; bytes: Uint8Array } {
  const text = value[member]
  const bytes =
    typeof text === 'string' && text !== '' && text.length <= LONGEST_MEMBER
      ? decodeBase64url(text)
      : undefined
  if (bytes === undefined) throw new JwkRefused('key_malformed', `expected ${member} in canonical base64url`)
  return { text: text as string, bytes }
}

/** A coordinate keeps its leading zeros (RFC 7518, section 6.2.1.2), as do the two numbers of a signature. */
function coordinateBytes({ signatureBytes = 0 }: SignatureAlgorithm): number {
  return signatureBytes / 2
}

function refuseWeak(weakness: string | undefined): void {
  if (weakness !== undefined) throw new JwkRefused('key_weak', weakness)
}

/** Longer than any date: keeps the seconds exact once they are milliseconds. */
const LATEST_END_SECONDS = 8.64e12

function parseEnd(exp: unknown): number | undefined {
  if (exp === undefined) return undefined
  if (typeof exp === 'number' && Number.isInteger(exp) && exp >= 0 && exp <= LATEST_END_SECONDS) return exp
  throw new JwkRefused('key_malformed', 'expected exp in whole seconds')
}

/** An RSA signature is as long as the modulus (RFC 8017, section 8.2.2). */
function memberLength(members: PublicJwk): number {
  return members.kty === 'RSA' ? Buffer.byteLength(members.n, 'base64url') : 0
}

function importKey(members: PublicJwk, algorithm: SignatureAlgorithm): VerificationKey['cryptoKey'] {
  try {
    const key = createPublicKey({ key: { ...members }, format: 'jwk' })
    return Object.freeze(
      algorithm.dsaEncoding === undefined ? { key } : { key, dsaEncoding: algorithm.dsaEncoding },
    )
  } catch (cause) {
    throw new JwkRefused('key_malformed', 'expected a point of the curve', cause)
  }
}
