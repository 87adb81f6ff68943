import { createPublicKey } from 'node:crypto'
import { ALGORITHM_NAMES, ALGORITHMS, type AlgorithmName } from './algorithms.ts'
import { encodeBase64url } from './base64url.ts'
import { KeyturnError } from './errors.ts'

/** Found out when it is first asked for: who only imports this makes no key. */
const found = new Map<AlgorithmName, boolean>()

/** The algorithms of the table that this runtime has, the default first. Node.js 20 lacks ML-DSA. */
export function availableAlgorithms(): readonly AlgorithmName[] {
  return Object.freeze(ALGORITHM_NAMES.filter(isAlgorithmAvailable))
}

/** Says whether this runtime has an algorithm of the table. */
export function isAlgorithmAvailable(name: AlgorithmName): boolean {
  const known = found.get(name)
  if (known !== undefined) return known
  const isAvailable = isInRuntime(name)
  found.set(name, isAvailable)
  return isAvailable
}

/**
 * Refuses an algorithm of the table that this runtime lacks.
 *
 * @throws {KeyturnError} `algorithm_unavailable`, with what it takes as the remedy
 *
 * @example
 * assertAlgorithmAvailable('ML-DSA-65') // throws on Node.js 20
 */
export function assertAlgorithmAvailable(name: AlgorithmName): void {
  if (isAlgorithmAvailable(name)) return
  throw new KeyturnError('algorithm_unavailable', `expected a runtime that has ${name}`, {
    remedy: `run it with ${ALGORITHMS[name].runtime}, or choose another algorithm`,
  })
}

/** Asked, not told by a version: a Node.js may be built on another OpenSSL than its own. */
function isInRuntime(name: AlgorithmName): boolean {
  const { runtime, kty, publicKeyBytes = 0 } = ALGORITHMS[name]
  if (runtime === undefined) return true
  try {
    const pub = encodeBase64url(new Uint8Array(publicKeyBytes))
    createPublicKey({ key: { kty, alg: name, pub }, format: 'jwk' })
    return true
  } catch {
    return false
  }
}
