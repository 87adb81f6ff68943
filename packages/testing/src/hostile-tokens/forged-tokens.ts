import { createHmac, createPublicKey } from 'node:crypto'
import { encode, jws, type Model, type Recipe } from './model.ts'

/** Tokens of somebody who has not the key, and wants to be taken for who has. */
export const FORGED_TOKENS: readonly Recipe[] = [
  {
    name: 'signed by a stranger under the kid of the key',
    codes: ['signature_invalid'],
    make: ({ stranger, header, claims }) => jws(stranger, header, claims),
  },
  {
    name: 'signed by a stranger under a kid of its own',
    codes: ['key_unknown'],
    make: ({ stranger, header, claims }) => jws(stranger, { ...header, kid: stranger.kid }, claims),
  },
  {
    name: 'that brings the key of a stranger along',
    codes: ['signature_invalid'],
    make: ({ stranger, header, claims }) => jws(stranger, { ...header, ...keyOf(stranger) }, claims),
  },
  {
    name: 'that brings the key of a stranger along under its own kid',
    codes: ['key_unknown'],
    make: ({ stranger, header, claims }) =>
      jws(stranger, { ...header, ...keyOf(stranger), kid: stranger.kid }, claims),
  },
  {
    name: 'with the claims of an administrator under the signature of a user',
    codes: ['signature_invalid'],
    make: ({ claims, parts: [header, , signature] }) =>
      `${header}.${encode({ ...claims, type: 0, role: 2, verified: true })}.${signature}`,
  },
  {
    name: 'with an end put off under the signature of before',
    codes: ['signature_invalid'],
    make: ({ claims, parts: [header, , signature] }) =>
      `${header}.${encode({ ...claims, exp: claims.exp + 86_400 })}.${signature}`,
  },
  {
    name: 'with a signature of zeros',
    codes: ['signature_invalid'],
    make: ({ parts: [header, payload, signature] }) =>
      `${header}.${payload}.${Buffer.alloc(Buffer.from(signature, 'base64url').length).toString('base64url')}`,
  },
  {
    name: 'that is unsigned',
    codes: ['token_malformed'],
    make: ({ header, parts: [, payload] }) => `${encode({ ...header, alg: 'none' })}.${payload}.`,
  },
  {
    name: 'that says it is unsigned, and bears a signature',
    codes: ['header_alg_refused'],
    make: ({ header, parts: [, payload, signature] }) =>
      `${encode({ ...header, alg: 'nOnE' })}.${payload}.${signature}`,
  },
  {
    name: 'with an HMAC whose secret is the public key',
    codes: ['header_alg_refused'],
    make: (model) => authenticated(model, 'HS256'),
  },
  {
    name: 'with such an HMAC under the algorithm of the key',
    codes: ['signature_length'],
    make: (model) => authenticated(model, model.publicJwk.alg),
  },
  {
    name: 'under another algorithm than that of its key',
    // the second where a service lists the algorithms that it takes
    codes: ['key_alg_mismatch', 'header_alg_refused'],
    make: ({ header, publicJwk, parts: [, payload, signature] }) =>
      `${encode({ ...header, alg: publicJwk.alg === 'RS256' ? 'PS256' : 'RS256' })}.${payload}.${signature}`,
  },
]

const keyOf = ({ publicJwk }: Model['stranger']) => ({
  jwk: publicJwk,
  jku: 'https://stranger.test/jwks.json',
})

/** The public key, which everybody has, taken for a shared secret. */
function authenticated({ header, publicJwk, parts: [, payload] }: Model, alg: string): string {
  const publicKey = createPublicKey({ key: { ...publicJwk }, format: 'jwk' })
  const signingInput = `${encode({ ...header, alg })}.${payload}`
  const secret = publicKey.export({ type: 'spki', format: 'pem' })
  return `${signingInput}.${createHmac('sha256', secret).update(signingInput).digest('base64url')}`
}
