/** What an algorithm of RFC 7518 asks of a key and of `node:crypto`. One key has one algorithm. */
export interface SignatureAlgorithm {
  readonly name: AlgorithmName
  readonly kty: 'RSA' | 'EC' | 'OKP'
  /** The curve, for EC and OKP (RFC 7518, section 6.2.1.1; RFC 8037, section 2). */
  readonly crv: string | undefined
  /** The digest's name in `node:crypto`; `null` where the algorithm has its own. */
  readonly digest: string | null
  /** ECDSA signatures are r||s, not DER (RFC 7518, section 3.4). */
  readonly dsaEncoding: 'ieee-p1363' | undefined
  /** Signature length in bytes; `undefined` where it is the length of the modulus. */
  readonly signatureBytes: number | undefined
}

/** The algorithms that this build makes and verifies. */
export type AlgorithmName = 'RS256' | 'ES256' | 'EdDSA'

/** Signature algorithms by their name in `alg`; nothing outside this table is ever verified. */
export const ALGORITHMS: Readonly<Record<AlgorithmName, SignatureAlgorithm>> = Object.freeze({
  RS256: algorithm('RS256', { kty: 'RSA', digest: 'sha256' }),
  ES256: algorithm('ES256', {
    kty: 'EC',
    crv: 'P-256',
    digest: 'sha256',
    dsaEncoding: 'ieee-p1363',
    signatureBytes: 64,
  }),
  EdDSA: algorithm('EdDSA', { kty: 'OKP', crv: 'Ed25519', signatureBytes: 64 }),
})

/** The names of {@link ALGORITHMS}, the default first. */
export const ALGORITHM_NAMES: readonly AlgorithmName[] = Object.freeze(
  Object.keys(ALGORITHMS) as AlgorithmName[],
)

/** Says whether a value names an algorithm of the table, compared exactly. */
export function isAlgorithmName(value: unknown): value is AlgorithmName {
  return typeof value === 'string' && Object.hasOwn(ALGORITHMS, value)
}

function algorithm(
  name: AlgorithmName,
  traits: Pick<SignatureAlgorithm, 'kty'> & Partial<SignatureAlgorithm>,
): SignatureAlgorithm {
  const none = { crv: undefined, digest: null, dsaEncoding: undefined, signatureBytes: undefined }
  return Object.freeze({ ...none, ...traits, name })
}
