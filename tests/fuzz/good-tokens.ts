import { generateKeyPairSync } from 'node:crypto'
import {
  ALGORITHMS,
  type AlgorithmName,
  availableAlgorithms,
  type JwkSetDocument,
  type SigningKey,
  signCompact,
} from '@keyturn/core'
import { localSigningKey, publishedJwk, readKeyPair } from '@keyturn/keyring'

export const ISSUER = 'https://auth.example'
export const AUDIENCE = 'orders'
export const NOW_MS = 1_800_000_000_000

/** A token that is good at {@link NOW_MS}, and who has signed it. */
export interface GoodToken {
  readonly text: string
  readonly alg: AlgorithmName
  readonly signingKey: SigningKey
}

const CLAIMS = Object.freeze({
  iss: ISSUER,
  aud: AUDIENCE,
  sub: 'user-1',
  jti: 'token-1',
  client_id: 'client-1',
  iat: NOW_MS / 1000 - 10,
  exp: NOW_MS / 1000 + 600,
  scope: 'orders:read',
  type: 0,
  role: 1,
  verified: true,
})

/** A key of every algorithm of this runtime, a good token of each, and the set that publishes them. */
export async function makeGoodTokens(): Promise<{ tokens: readonly GoodToken[]; document: JwkSetDocument }> {
  const made = await Promise.all(availableAlgorithms().map(makeOne))
  return { tokens: made.map(({ token }) => token), document: { keys: made.map(({ jwk }) => jwk) } }
}

async function makeOne(alg: AlgorithmName) {
  const { type, options } = ALGORITHMS[alg].generation
  const { privateKey } = generateKeyPairSync(type as 'rsa', { ...options, modulusLength: 2048 })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const pair = await readKeyPair(Buffer.from(pem), { algorithm: alg })
  const signingKey = localSigningKey(pair)
  const text = await signCompact(signingKey, { typ: 'at+jwt' }, CLAIMS)
  return { token: { text, alg, signingKey }, jwk: publishedJwk(pair) }
}
