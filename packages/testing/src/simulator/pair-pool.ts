import { generateKeyPairSync } from 'node:crypto'
import { type PublicJwk, thumbprint } from '@keyturn/core'
import type { KeyPair } from '@keyturn/keyring'

const pool: KeyPair[] = []

/** Pairs are made once and used by every history, each pair at most once in a history. */
export function pooledPair(index: number): KeyPair {
  const known = pool[index]
  if (known !== undefined) return known
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const publicJwk = Object.freeze(publicKey.export({ format: 'jwk' }) as PublicJwk)
  const pair: KeyPair = Object.freeze({ kid: thumbprint(publicJwk), alg: 'EdDSA', publicJwk, privateKey })
  pool[index] = pair
  return pair
}
