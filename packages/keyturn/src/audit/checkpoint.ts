import {
  isKid,
  type JsonObject,
  JwkRefused,
  parseJsonObject,
  parseJwk,
  splitCompact,
  TokenRejected,
  verifySignature,
} from '@keyturn/core'
import type { KeyManager } from '@keyturn/keyring'
import type { AuditHead } from './audit-chain.ts'

/** A signed statement of how far a log had gone. A copy of it somewhere else shows a log that was cut off or written anew. */
const TYPE = 'keyturn-audit-checkpoint+jwt'
/** Nobody asks whether it has expired. */
const TTL_SECONDS = 1
const LONGEST = 4096
const DEPTH = 4

/** Signs the head of a log with the active key. It names no audience, so that it passes for no token. */
export async function signCheckpoint(keys: KeyManager, log: string, head: AuditHead): Promise<string> {
  return await keys.sign({ audit_log: log, ...head }, { ttlSeconds: TTL_SECONDS, typ: TYPE })
}

/** The public half of a key that may have signed. */
export type KnownKey = (kid: string) => JsonObject | undefined

/**
 * Reads a checkpoint, and checks its signature. `undefined` for what is none, is of another log, or was signed by a key
 * that the log does not know.
 */
export function readCheckpoint(jws: string, log: string, keyOf: KnownKey): AuditHead | undefined {
  try {
    return headOf(signedPayload(jws, keyOf), log)
  } catch (error) {
    // text that is no token, or a key that is none since somebody garbled its line
    if (error instanceof TokenRejected || error instanceof JwkRefused) return undefined
    throw error
  }
}

function signedPayload(jws: string, keyOf: KnownKey): JsonObject | undefined {
  const { header, payload, signature, signingInput } = splitCompact(jws, LONGEST)
  const { kid, typ } = decode(header) ?? {}
  const jwk = typ === TYPE && isKid(kid) ? keyOf(kid) : undefined
  if (jwk === undefined) return undefined
  // the kid is the thumbprint of the key: one that the log does not really know cannot pass for it
  const key = parseJwk({ ...jwk, kid })
  const bytes = Buffer.from(signingInput, 'latin1')
  return verifySignature(key, bytes, Buffer.from(signature, 'base64url')) ? decode(payload) : undefined
}

function headOf(claims: JsonObject | undefined, log: string): AuditHead | undefined {
  if (claims?.audit_log !== log) return undefined
  const { seq, hash } = claims
  return Number.isSafeInteger(seq) && typeof hash === 'string' ? { seq: Number(seq), hash } : undefined
}

function decode(part: string): JsonObject | undefined {
  return parseJsonObject(Buffer.from(part, 'base64url'), DEPTH)
}
