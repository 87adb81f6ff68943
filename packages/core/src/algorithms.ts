import { constants } from 'node:crypto'
import { ecdsaCodec, type SignatureCodec } from './ecdsa-signature.ts'
import type { KeyType } from './public-jwk.ts'
import { ed25519Weakness, rsaWeakness } from './weak-keys.ts'

/**
 * A row of the table: all that an algorithm asks of a key, of a signature, and of `node:crypto`. One key has one algorithm.
 * RFC 7518 (RSA, ECDSA), RFC 8037 and 9864 (Ed25519), RFC 9964 (ML-DSA).
 */
export interface SignatureAlgorithm {
  readonly name: AlgorithmName
  readonly kty: KeyType
  /** The curve, for EC and OKP (RFC 7518, section 6.2.1.1; RFC 8037, section 2). */
  readonly crv: string | undefined
  /** Length of the public key, all its members together; `undefined` where it is the length of the modulus. */
  readonly publicKeyBytes: number | undefined
  /** Signature length in bytes; `undefined` where it is the length of the modulus. */
  readonly signatureBytes: number | undefined
  /** The digest's name in `node:crypto`; `null` where the algorithm has its own. */
  readonly digest: string | null
  /** What `crypto.sign` and `crypto.verify` must be told beside the key, where there is a choice. */
  readonly cryptoOptions: CryptoOptions | undefined
  /** Between the form that `node:crypto` speaks and that of a JWS, where they differ. */
  readonly signatureCodec: SignatureCodec | undefined
  /** One signature costs less than to hand it to the thread pool and be told of its end (docs/adr/0017). */
  readonly isQuickToSign: boolean
  /** What makes `crypto.generateKeyPair` make its keys; the length of a modulus comes on top. */
  readonly generation: { readonly type: string; readonly options: object }
  /** What makes a public key unfit, or `undefined`. Takes its members in the order of its type. */
  readonly weaknessOf: (...members: readonly Uint8Array[]) => string | undefined
  /** The runtime that it takes, where some that we support lack it. */
  readonly runtime: string | undefined
}

/** How an RSA signature is padded. */
export interface CryptoOptions {
  readonly padding: number
  /** In bytes. The digest's length, neither more nor less (RFC 7518, section 3.5). */
  readonly saltLength: number
}

/** Every algorithm of the table, whether or not this runtime has it. */
export type AlgorithmName =
  | `${'RS' | 'PS' | 'ES'}${256 | 384 | 512}`
  | 'EdDSA'
  | 'Ed25519'
  | `ML-DSA-${44 | 65 | 87}`

/** Signature algorithms by their name in `alg`; nothing outside this table is ever verified. */
export const ALGORITHMS: Readonly<Record<AlgorithmName, SignatureAlgorithm>> = Object.freeze({
  RS256: rsa('RS256', 256),
  RS384: rsa('RS384', 384),
  RS512: rsa('RS512', 512),
  PS256: rsaPss('PS256', 256),
  PS384: rsaPss('PS384', 384),
  PS512: rsaPss('PS512', 512),
  ES256: ecdsa('ES256', 256, { crv: 'P-256', coordinateBytes: 32 }),
  ES384: ecdsa('ES384', 384, { crv: 'P-384', coordinateBytes: 48 }),
  ES512: ecdsa('ES512', 512, { crv: 'P-521', coordinateBytes: 66 }),
  EdDSA: ed25519('EdDSA'),
  Ed25519: ed25519('Ed25519'),
  'ML-DSA-44': mlDsa('ML-DSA-44', { publicKeyBytes: 1312, signatureBytes: 2420 }),
  'ML-DSA-65': mlDsa('ML-DSA-65', { publicKeyBytes: 1952, signatureBytes: 3309 }),
  'ML-DSA-87': mlDsa('ML-DSA-87', { publicKeyBytes: 2592, signatureBytes: 4627 }),
})

/** The names of {@link ALGORITHMS}, the default first. */
export const ALGORITHM_NAMES: readonly AlgorithmName[] = Object.freeze(
  Object.keys(ALGORITHMS) as AlgorithmName[],
)

/** Says whether a value names an algorithm of the table, compared exactly. */
export function isAlgorithmName(value: unknown): value is AlgorithmName {
  return typeof value === 'string' && Object.hasOwn(ALGORITHMS, value)
}

type DigestBits = 256 | 384 | 512

function rsa(name: AlgorithmName, digestBits: DigestBits): SignatureAlgorithm {
  return row(name, {
    kty: 'RSA',
    digest: `sha${digestBits}`,
    generation: { type: 'rsa', options: { publicExponent: 65537 } },
    weaknessOf: rsaWeakness,
  })
}

function rsaPss(name: AlgorithmName, digestBits: DigestBits): SignatureAlgorithm {
  const cryptoOptions = Object.freeze({
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: digestBits / 8,
  })
  return row(name, { ...rsa(name, digestBits), cryptoOptions })
}

function ecdsa(
  name: AlgorithmName,
  digestBits: DigestBits,
  curve: { readonly crv: string; readonly coordinateBytes: number },
): SignatureAlgorithm {
  return row(name, {
    kty: 'EC',
    crv: curve.crv,
    publicKeyBytes: 2 * curve.coordinateBytes,
    signatureBytes: 2 * curve.coordinateBytes,
    digest: `sha${digestBits}`,
    signatureCodec: ecdsaCodec(curve.coordinateBytes),
    isQuickToSign: curve.crv === 'P-256',
    generation: { type: 'ec', options: { namedCurve: curve.crv } },
  })
}

function ed25519(name: AlgorithmName): SignatureAlgorithm {
  return row(name, {
    kty: 'OKP',
    crv: 'Ed25519',
    publicKeyBytes: 32,
    signatureBytes: 64,
    isQuickToSign: true,
    generation: { type: 'ed25519', options: {} },
    weaknessOf: ed25519Weakness,
  })
}

/** Lengths are those of FIPS 204, table 2. Every string of the right length is a public key. */
function mlDsa(
  name: AlgorithmName,
  lengths: { readonly publicKeyBytes: number; readonly signatureBytes: number },
): SignatureAlgorithm {
  return row(name, {
    kty: 'AKP',
    ...lengths,
    generation: { type: name.toLowerCase(), options: {} },
    runtime: 'Node.js 24.6 or later on OpenSSL 3.5 or later',
  })
}

function row(
  name: AlgorithmName,
  traits: Pick<SignatureAlgorithm, 'kty' | 'generation'> & Partial<SignatureAlgorithm>,
): SignatureAlgorithm {
  return Object.freeze({
    crv: undefined,
    publicKeyBytes: undefined,
    signatureBytes: undefined,
    digest: null,
    cryptoOptions: undefined,
    signatureCodec: undefined,
    isQuickToSign: false,
    weaknessOf: () => undefined,
    runtime: undefined,
    ...traits,
    name,
  })
}
