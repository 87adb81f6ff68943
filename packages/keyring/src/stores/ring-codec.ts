import { createPrivateKey, type KeyObject } from 'node:crypto'
import {
  type AlgorithmName,
  assertAlgorithmAvailable,
  isAlgorithmName,
  isJsonObject,
  isKid,
  type JsonObject,
  type PublicJwk,
  parseJsonObject,
  parseJwk,
  requiredMembers,
} from '@keyturn/core'
import { pairOf } from '../key-pair.ts'
import type { KeyOrigin, KeyRecord } from '../key-record.ts'
import { type AuditMark, assertRing, type BackupMark, type Exposure, type KeyRing } from '../ring.ts'
import type { Tombstone } from '../tombstones.ts'

const FORMAT = 1
const MAX_DEPTH = 6
const ORIGINS: readonly KeyOrigin[] = ['first', 'scheduled', 'emergency', 'imported']

/** Why a document is no ring. Never holds any of it. */
export class RingMalformed extends Error {
  override readonly name = 'RingMalformed'
}

/** Writes a ring as JSON, private halves as PKCS #8. The only place where a private half takes a form that can leave. */
export function encodeRing(ring: KeyRing): string {
  const keys = ring.keys.map((key) => ({
    ...key,
    privateKey: key.privateKey?.export({ type: 'pkcs8', format: 'der' }).toString('base64url') ?? null,
  }))
  return JSON.stringify({ format: FORMAT, ...ring, keys })
}

/**
 * Reads a ring, and asserts all that must hold of one: also that each private half belongs to its kid.
 *
 * @throws {RingMalformed}
 * @throws {KeyturnError} `algorithm_unavailable`: the ring is sound, and this runtime is the wrong one
 */
export function decodeRing(bytes: Uint8Array): KeyRing {
  const value = parseJsonObject(bytes, MAX_DEPTH)
  if (value === undefined) throw new RingMalformed('expected a JSON object')
  if (value.format !== FORMAT) throw new RingMalformed(`expected format ${FORMAT}`)
  const ring: KeyRing = {
    ringId: take(value, 'ringId', isFilled),
    generation: take(value, 'generation', isTime),
    publishedVersion: take(value, 'publishedVersion', isTime),
    writtenAt: take(value, 'writtenAt', isTime),
    keys: Object.freeze(takeList(value, 'keys').map(decodeKey)),
    tombstones: takeList(value, 'tombstones').map(decodeTombstone),
    exposures: takeList(value, 'exposures').map(decodeExposure),
    echoes: take(value, 'echoes', isBoolean),
    held: decodeBackupMark(take(value, 'held', isOrNull(isJsonObject))),
    audit: decodeMark(take(value, 'audit', isOrNull(isJsonObject))),
  }
  try {
    assertRing(ring, ring.writtenAt)
  } catch (cause) {
    throw new RingMalformed('expected a ring whose invariants hold', { cause })
  }
  return Object.freeze(ring)
}

function decodeKey(value: JsonObject): KeyRecord {
  const kid = take(value, 'kid', isKid)
  const alg = take(value, 'alg', isAlgorithmName)
  assertAlgorithmAvailable(alg)
  const privateKey = decodePrivateKey(take(value, 'privateKey', isOrNull(isFilled)))
  const publicJwk = decodePublicJwk(take(value, 'publicJwk', isJsonObject), kid, alg)
  if (privateKey !== null && pairOf(privateKey, alg).kid !== kid) {
    throw new RingMalformed('expected a private half that belongs to its kid')
  }
  return Object.freeze({
    kid,
    alg,
    publicJwk,
    privateKey,
    origin: take(value, 'origin', (it): it is KeyOrigin => ORIGINS.some((origin) => origin === it)),
    createdAt: take(value, 'createdAt', isTime),
    publishedAt: take(value, 'publishedAt', isTime),
    signableAt: take(value, 'signableAt', isTime),
    activateAt: take(value, 'activateAt', isTime),
    signUntil: take(value, 'signUntil', isOrNull(isTime)),
    publishUntil: take(value, 'publishUntil', isOrNull(isTime)),
    maxTtlSeconds: take(value, 'maxTtlSeconds', isTime),
    revokedAt: take(value, 'revokedAt', isOrNull(isTime)),
    revokedReason: take(value, 'revokedReason', isOrNull(isString)),
  })
}

/** Holds a stored key to what verifiers hold a published one to: public, strong, and named by its thumbprint. */
function decodePublicJwk(value: JsonObject, kid: string, alg: AlgorithmName): PublicJwk {
  try {
    return Object.freeze(requiredMembers(parseJwk({ ...value, kid, alg }).jwk))
  } catch (cause) {
    throw new RingMalformed('expected a public half that belongs to its kid', { cause })
  }
}

function decodePrivateKey(text: string | null): KeyObject | null {
  if (text === null) return null
  try {
    return createPrivateKey({ key: Buffer.from(text, 'base64url'), format: 'der', type: 'pkcs8' })
  } catch {
    // the cause could hold parts of the key
    throw new RingMalformed('expected a private half in PKCS #8')
  }
}

function decodeTombstone(value: JsonObject): Tombstone {
  return {
    kid: take(value, 'kid', isKid),
    fate: take(value, 'fate', (it): it is Tombstone['fate'] => it === 'revoked' || it === 'removed'),
    at: take(value, 'at', isTime),
  }
}

function decodeExposure(value: JsonObject): Exposure {
  return {
    exposureMs: take(value, 'exposureMs', isTime),
    servedFrom: take(value, 'servedFrom', isTime),
    servedUntil: take(value, 'servedUntil', isOrNull(isTime)),
  }
}

function decodeBackupMark(value: JsonObject | null): BackupMark | null {
  if (value === null) return null
  return { generation: take(value, 'generation', isTime), writtenAt: take(value, 'writtenAt', isTime) }
}

function decodeMark(value: JsonObject | null): AuditMark | null {
  if (value === null) return null
  return {
    log: take(value, 'log', isFilled),
    seq: take(value, 'seq', isTime),
    hash: take(value, 'hash', isFilled),
  }
}

function take<T>(value: JsonObject, member: string, is: (it: unknown) => it is T): T {
  const it = value[member]
  if (!is(it)) throw new RingMalformed(`expected a valid ${member}`)
  return it
}

function takeList(value: JsonObject, member: string): readonly JsonObject[] {
  return take(value, member, (it): it is readonly JsonObject[] => Array.isArray(it) && it.every(isJsonObject))
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isString(value: unknown): value is string {
  return typeof value === 'string'
}

function isFilled(value: unknown): value is string {
  return isString(value) && value !== ''
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === 'boolean'
}

function isOrNull<T>(is: (it: unknown) => it is T): (it: unknown) => it is T | null {
  return (it): it is T | null => it === null || is(it)
}
