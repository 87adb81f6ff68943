import { createVerify, verify as verifyBytes } from 'node:crypto'
import { encodeBase64url, hasCanonicalEnd } from './base64url.ts'
import { TokenRejected } from './errors.ts'
import type { VerificationKey } from './jwk.ts'
import type { SigningKey } from './ports.ts'

/** The three parts of a compact JWS (RFC 7515, section 3.1), still encoded. */
export interface CompactJws {
  readonly header: string
  readonly payload: string
  readonly signature: string
  /** Header and payload with the dot between them: what the signature is made over. */
  readonly signingInput: string
}

const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/

/**
 * Splits a token whose every character anyone may have chosen, and decodes nothing. Costs one pass at most, and none
 * beyond the length cap.
 *
 * @throws {TokenRejected} `token_not_a_string`, `token_too_long`, `token_malformed`, `token_not_canonical`,
 * `token_json_serialized`, `token_encrypted`, `token_detached_payload`
 */
export function splitCompact(token: unknown, maxLength: number): CompactJws {
  if (typeof token !== 'string') throw new TokenRejected('token_not_a_string')
  if (token.length > maxLength) throw new TokenRejected('token_too_long')
  if (!COMPACT.test(token)) throw new TokenRejected(whatItLooksLike(token))
  const first = token.indexOf('.')
  const last = token.lastIndexOf('.')
  const parts = {
    header: token.slice(0, first),
    payload: token.slice(first + 1, last),
    signature: token.slice(last + 1),
    signingInput: token.slice(0, last),
  }
  if (
    !hasCanonicalEnd(parts.header) ||
    !hasCanonicalEnd(parts.payload) ||
    !hasCanonicalEnd(parts.signature)
  ) {
    throw new TokenRejected('token_not_canonical')
  }
  return parts
}

/**
 * Verifies a signature over bytes with the algorithm that belongs to the key; the token has no say in it. Any failure below is
 * `false`, never a crash.
 */
export function verifySignature(key: VerificationKey, bytes: Uint8Array, signature: Uint8Array): boolean {
  return isSigned(key, bytes, signature)
}

/** As {@link verifySignature}; also over text, of which each character is one byte, as in a token. */
export function isSigned(key: VerificationKey, signed: Uint8Array | string, signature: Uint8Array): boolean {
  if (signature.length !== key.signatureBytes) return false
  const { digest, signatureCodec } = key.algorithm
  try {
    const native = signatureCodec === undefined ? signature : signatureCodec.toNative(signature)
    // of text the characters are the bytes; where it is bytes the encoding says nothing
    const data = signed as string
    // a digest of its own knows no steps; the one call takes some per cent longer with RSA on Node 24 (docs/performance.md)
    if (digest === null) return verifyBytes(digest, Buffer.from(data, 'latin1'), key.cryptoKey, native)
    return createVerify(digest).update(data, 'latin1').verify(key.cryptoKey, native)
  } catch {
    return false
  }
}

/** Makes a compact JWS. `alg` and `kid` of the header come from the key. */
export async function signCompact(
  key: SigningKey,
  header: { readonly typ: string },
  payload: object,
): Promise<string> {
  const signingInput = `${headerOf(key, header.typ)}.${encodeBase64url(JSON.stringify(payload))}`
  const signature = await key.sign(Buffer.from(signingInput, 'latin1'))
  return `${signingInput}.${encodeBase64url(signature)}`
}

/** The last header of each key: one after the other they are the same. */
const headers = new WeakMap<SigningKey, { readonly typ: string; readonly encoded: string }>()

function headerOf(key: SigningKey, typ: string): string {
  const last = headers.get(key)
  if (last?.typ === typ) return last.encoded
  const encoded = encodeBase64url(JSON.stringify({ alg: key.alg, kid: key.kid, typ }))
  headers.set(key, { typ, encoded })
  return encoded
}

/** Names the form of a text that is no compact JWS, so that its sender learns what to change. */
function whatItLooksLike(token: string) {
  if (token.trimStart().startsWith('{')) return 'token_json_serialized'
  const dots = token.split('.', 6).length - 1
  if (dots === 4) return 'token_encrypted'
  if (dots !== 2) return 'token_malformed'
  if (token.includes('=')) return 'token_not_canonical'
  return /^[\w-]+\.\.[\w-]+$/.test(token) ? 'token_detached_payload' : 'token_malformed'
}
