import { createPublicKey, type KeyObject, sign as signBytes } from 'node:crypto'
import {
  ALGORITHMS,
  type AlgorithmName,
  assertAlgorithmAvailable,
  type CryptoKeyInput,
  cryptoKeyInput,
  JwkRefused,
  KeyturnError,
  type PublicJwk,
  type PublishedJwk,
  parseJwk,
  requiredMembers,
  type SignatureCodec,
  type SigningKey,
  thumbprint,
  type VerificationKey,
  verifySignature,
} from '@keyturn/core'
import { KeyThread } from './key-thread.ts'
import { isWholeRsaKey, weaknessOfPrimes } from './rsa-wholeness.ts'
import type { KeyPolicy } from './timing.ts'

/** A private key with its public half and name. */
export interface KeyPair {
  readonly kid: string
  readonly alg: AlgorithmName
  readonly publicJwk: PublicJwk
  readonly privateKey: KeyObject
}

/** How {@link KeyManager} comes by key pairs: of an algorithm and, for RSA, of a length in bits. */
export type GenerateKeyPair = (wanted: Omit<KeyPolicy, 'timing'>) => Promise<KeyPair>

/** One for all rings of a process. */
const thread = new KeyThread()
/** Pairs that were proven, and that cannot have become others since. */
const provenPairs = new WeakSet<KeyPair>()

/**
 * Makes a pair on a thread of low priority, never on the event loop nor where signatures are made, and proves that its halves
 * belong together.
 *
 * @throws {KeyturnError} `algorithm_unavailable`, `key_self_test_failed`
 */
export async function generateSigningPair({
  algorithm,
  rsaBits,
}: Omit<KeyPolicy, 'timing'>): Promise<KeyPair> {
  assertAlgorithmAvailable(algorithm)
  const { type, options } = ALGORITHMS[algorithm].generation
  // a key without a modulus takes no notice of its length
  const privateKey = await thread.generate(type, { ...options, modulusLength: rsaBits })
  const pair = pairOf(privateKey, algorithm)
  await assertHalvesMatch(pair)
  return pair
}

/**
 * Holds another generator to what {@link generateSigningPair} proves of its pairs: each is whole, and of the algorithm that is wanted.
 *
 * @returns a generator that rejects with `key_self_test_failed`, `algorithm_mismatch`, or as {@link JwkRefused}
 */
export function proven(generate: GenerateKeyPair): GenerateKeyPair {
  return async (wanted) => {
    const pair = await generate(wanted)
    await assertHalvesMatch(pair)
    if (pair.alg === wanted.algorithm) return pair
    throw new KeyturnError('algorithm_mismatch', `expected a key pair of ${wanted.algorithm}`)
  }
}

/** Derives the public half and the kid of a private key. */
export function pairOf(privateKey: KeyObject, alg: AlgorithmName): KeyPair {
  const publicJwk = Object.freeze(publicJwkOf(privateKey))
  return Object.freeze({ kid: thumbprint(publicJwk), alg, publicJwk, privateKey })
}

/** The public half of a private key. */
export function publicJwkOf(privateKey: KeyObject): PublicJwk {
  return requiredMembers(createPublicKey(privateKey as never).export({ format: 'jwk' }) as PublicJwk)
}

/** A public key in the form in which a set publishes it. */
export function publishedJwk(key: Omit<KeyPair, 'privateKey'>, exp?: number): PublishedJwk {
  return { ...key.publicJwk, kid: key.kid, alg: key.alg, use: 'sig', ...(exp === undefined ? {} : { exp }) }
}

/**
 * A {@link SigningKey} whose private half is in this process. Signs on the thread pool, save with algorithms that are done
 * sooner than they get there (docs/adr/0017). Rejects with `signature_malformed` when what comes back is no signature.
 */
export function localSigningKey(pair: KeyPair): SigningKey {
  const algorithm = ALGORITHMS[pair.alg]
  const { digest, isQuickToSign, signatureCodec } = algorithm
  const key = cryptoKeyInput(pair.privateKey, algorithm)
  return Object.freeze({
    kid: pair.kid,
    alg: pair.alg,
    publicJwk: Object.freeze(publishedJwk(pair)),
    sign: isQuickToSign
      ? async (bytes: Uint8Array) => inJwsForm(signBytes(digest, bytes, key), signatureCodec)
      : async (bytes: Uint8Array) => inJwsForm(await signOnPool(digest, bytes, key), signatureCodec),
  })
}

function signOnPool(digest: string | null, bytes: Uint8Array, key: CryptoKeyInput): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    signBytes(digest, bytes, key, (error, signature) => (error === null ? resolve(signature) : reject(error)))
  })
}

function inJwsForm(native: Uint8Array, codec: SignatureCodec | undefined): Uint8Array {
  const signature = codec === undefined ? native : codec.fromNative(native)
  if (signature !== undefined) return signature
  throw new KeyturnError('signature_malformed', 'expected a signature in DER, each number in its least bytes')
}

/**
 * Proves that a pair is whole and strong: that its halves belong together, that its kid is theirs, that verifiers take the public
 * one, and that nobody finds the private one from it.
 *
 * @throws {JwkRefused}
 * @throws {KeyturnError} `key_self_test_failed`
 */
export async function assertHalvesMatch(pair: KeyPair): Promise<void> {
  if (provenPairs.has(pair)) return
  const key = parseJwk(publishedJwk(pair))
  if (!(await passesSelfTest(pair, key))) {
    const message = 'the key does not verify its own signature, or is not whole'
    throw new KeyturnError('key_self_test_failed', message)
  }
  const weakness = isRsa(pair) ? weaknessOfPrimes(pair.privateKey) : undefined
  if (weakness !== undefined) throw new JwkRefused('key_weak', weakness)
  if (Object.isFrozen(pair) && Object.isFrozen(pair.publicJwk)) provenPairs.add(pair)
}

async function passesSelfTest(pair: KeyPair, key: VerificationKey): Promise<boolean> {
  const probe = Buffer.from('keyturn pairwise self-test')
  try {
    return isWhole(pair) && verifySignature(key, probe, await localSigningKey(pair).sign(probe))
  } catch {
    // without the cause: it could hold parts of the key
    return false
  }
}

/** A key that is read again from its private half alone must be the same one. */
function isWhole(pair: KeyPair): boolean {
  if (thumbprint(publicJwkOf(pair.privateKey)) !== pair.kid) return false
  return !isRsa(pair) || isWholeRsaKey(pair.privateKey)
}

function isRsa({ privateKey }: KeyPair): boolean {
  return privateKey.asymmetricKeyType === 'rsa'
}
