import type { KeyObject } from 'node:crypto'
import type { CryptoOptions, SignatureAlgorithm } from './algorithms.ts'

/** What `crypto.sign` and `crypto.verify` take: a key, and how it is to be used where there is a choice. */
export type CryptoKeyInput = KeyObject | ({ readonly key: KeyObject } & CryptoOptions)

/**
 * A key in the form in which `node:crypto` uses it for an algorithm at the least cost. Alone wherever that says enough: an
 * object around it costs Node.js 24 about as much as half a signature with P-256 (docs/performance.md).
 *
 * @example
 * crypto.sign(ALGORITHMS.PS256.digest, bytes, cryptoKeyInput(privateKey, ALGORITHMS.PS256))
 */
export function cryptoKeyInput(key: KeyObject, { cryptoOptions }: SignatureAlgorithm): CryptoKeyInput {
  return cryptoOptions === undefined ? key : Object.freeze({ key, ...cryptoOptions })
}
