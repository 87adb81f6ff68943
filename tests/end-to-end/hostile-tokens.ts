import {
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign,
} from 'node:crypto'
import { decodeJwt, decodeProtectedHeader } from 'jose'

/** A token that no service may ever accept, and what a service says of it. */
export interface HostileToken {
  readonly what: string
  readonly text: string
  readonly code: string
}

/** Makes them from a token that every service accepts, and from the public key that verifies it. */
export function hostileTokens(good: string, publicJwk: JsonWebKey): readonly HostileToken[] {
  const header = decodeProtectedHeader(good)
  const claims = decodeJwt(good)
  const [head = '', payload = '', signature = ''] = good.split('.')
  const promoted = { ...claims, role: 2, scope: 'keys:admin' }
  const underOwnKid = jws({ ...header, kid: UNKNOWN_KID }, claims)
  return [
    { what: 'signed by a stranger under the same kid', text: jws(header, claims), code: 'signature_invalid' },
    { what: 'signed by a stranger under a kid of its own', text: underOwnKid, code: 'key_unknown' },
    {
      what: 'with other claims',
      text: `${head}.${encode(promoted)}.${signature}`,
      code: 'signature_invalid',
    },
    { what: 'unsigned', text: `${encode({ ...header, alg: 'none' })}.${payload}.`, code: 'token_malformed' },
    {
      what: 'signed with HMAC',
      text: hmacWithPublicKey(header, payload, publicJwk),
      code: 'header_alg_refused',
    },
    { what: 'of another kind', text: jws({ ...header, typ: 'JWT' }, claims), code: 'header_typ_refused' },
    { what: 'cut short', text: good.slice(0, -2), code: 'signature_length' },
    { what: 'with a part more', text: `${good}.${signature}`, code: 'token_malformed' },
  ]
}

const UNKNOWN_KID = 'stranger'
const STRANGER = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey

function jws(header: object, claims: object, key: KeyObject = STRANGER): string {
  const input = `${encode(header)}.${encode(claims)}`
  return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`
}

/** The public key, which everybody has, taken for a shared secret. */
function hmacWithPublicKey(header: object, payload: string, publicJwk: JsonWebKey): string {
  const pem = createPublicKey({ key: publicJwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  const input = `${encode({ ...header, alg: 'HS256' })}.${payload}`
  return `${input}.${createHmac('sha256', pem).update(input).digest('base64url')}`
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}
