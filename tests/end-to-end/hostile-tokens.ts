import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader } from 'jose'

/** Tokens that no service may ever accept, made from one that every service accepts. */
export function hostileTokens(good: string, strangerKey = STRANGER): Readonly<Record<string, string>> {
  const header = decodeProtectedHeader(good)
  const claims = decodeJwt(good)
  const [head = '', payload = '', signature = ''] = good.split('.')
  const promoted = { ...claims, role: 2, scope: 'keys:admin' }
  return {
    'signed with a key of somebody else under the same kid': jws(header, claims, strangerKey),
    'signed with a key of somebody else under its own kid': jws(
      { ...header, kid: 'stranger' },
      claims,
      strangerKey,
    ),
    'with other claims under the same signature': `${head}.${encode(promoted)}.${signature}`,
    'without a signature': `${encode({ ...header, alg: 'none' })}.${payload}.`,
    'signed with HMAC under the public kid': `${encode({ ...header, alg: 'HS256' })}.${payload}.${signature}`,
    'of another kind': jws({ ...header, typ: 'JWT' }, claims, strangerKey),
    'cut short': good.slice(0, -2),
    'with a part more': `${good}.${signature}`,
  }
}

const STRANGER = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey

function jws(header: object, claims: object, key: KeyObject): string {
  const input = `${encode(header)}.${encode(claims)}`
  return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}
