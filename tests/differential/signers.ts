import { createPublicKey, generateKeyPairSync, type KeyObject, sign as signBytes } from 'node:crypto'
import {
  ALGORITHMS,
  type AlgorithmName,
  availableAlgorithms,
  encodeBase64url,
  type PublicJwk,
  type PublishedJwk,
  requiredMembers,
  thumbprint,
} from '@keyturn/core'

/** Somebody who signs, and what is published of it. */
export interface Signer {
  readonly alg: AlgorithmName
  readonly jwk: PublishedJwk
  sign(bytes: Uint8Array): Uint8Array
}

export const ISSUER = 'https://auth.example'
export const AUDIENCE = 'orders'
export const NOW = 1_800_000_000
export const CLAIMS = {
  iss: ISSUER,
  aud: [AUDIENCE, 'billing'],
  sub: 'user-1',
  jti: 'token-1',
  client_id: 'client-1',
  iat: NOW - 10,
  exp: NOW + 600,
  type: 0,
  role: 1,
  verified: true,
}

/** One who signs with a key of its own. */
export interface KeyedSigner extends Signer {
  readonly privateKey: KeyObject
}

/** One for each algorithm of this runtime. */
export const SIGNERS: readonly KeyedSigner[] = availableAlgorithms().map((alg) => {
  const { type, options } = ALGORITHMS[alg].generation
  return signerOf(alg, generateKeyPairSync(type as 'rsa', { ...options, modulusLength: 2048 }).privateKey)
})

/** A good key of every set, which signs nothing. */
export const BYSTANDER = signerOf('EdDSA', generateKeyPairSync('ed25519').privateKey)

export function signerOf(alg: AlgorithmName, privateKey: KeyObject): KeyedSigner {
  const { digest, cryptoOptions } = ALGORITHMS[alg]
  const key = { key: privateKey, dsaEncoding: 'ieee-p1363', ...cryptoOptions } as const
  const jwk = publishedOf(alg, createPublicKey(privateKey as never).export({ format: 'jwk' }) as PublicJwk)
  return { alg, jwk, privateKey, sign: (bytes) => signBytes(digest, bytes, key) }
}

export function publishedOf(alg: AlgorithmName, jwk: PublicJwk): PublishedJwk {
  const members = requiredMembers(jwk)
  return { ...members, kid: thumbprint(members), alg, use: 'sig' }
}

/** Header and payload are written already, so that they may be wrong in any way and yet well signed. */
export function signText(signer: Signer, header: string | Uint8Array, payload: string | Uint8Array): string {
  const signingInput = `${encodeBase64url(header)}.${encodeBase64url(payload)}`
  return `${signingInput}.${encodeBase64url(signer.sign(Buffer.from(signingInput)))}`
}

/** What every signer says of itself. */
export function headerOf({ alg, jwk }: Signer) {
  return { alg, kid: jwk.kid, typ: 'at+jwt' }
}
