/** The members that make a public key (RFC 7518, section 6; RFC 8037, section 2; RFC 9964, section 3). */
export type PublicJwk =
  | { readonly kty: 'RSA'; readonly n: string; readonly e: string }
  | { readonly kty: 'EC'; readonly crv: string; readonly x: string; readonly y: string }
  | { readonly kty: 'OKP'; readonly crv: string; readonly x: string }
  | { readonly kty: 'AKP'; readonly alg: string; readonly pub: string }

/** `kty` of an asymmetric key. */
export type KeyType = PublicJwk['kty']

/** A public key as a set publishes it. */
export type PublishedJwk = PublicJwk & {
  readonly kid: string
  readonly alg: string
  readonly use: 'sig'
  /** Whole seconds since the epoch; the key is good for nothing from then on. Absent while no end is fixed. */
  readonly exp?: number
}

/** A member that holds bytes of a public key, in base64url. */
export type KeyMember = 'n' | 'e' | 'x' | 'y' | 'pub'

/** What a key type is made of. */
export interface KeyTypeMembers {
  /** The members that hold bytes. */
  readonly bytes: readonly KeyMember[]
  /** What goes into a thumbprint, in lexicographic order (RFC 7638, section 3.2; RFC 9964, section 6). */
  readonly required: readonly string[]
}

/** The members of every key type. */
export const KEY_TYPES: Readonly<Record<KeyType, KeyTypeMembers>> = Object.freeze({
  RSA: { bytes: ['n', 'e'], required: ['e', 'kty', 'n'] },
  EC: { bytes: ['x', 'y'], required: ['crv', 'kty', 'x', 'y'] },
  OKP: { bytes: ['x'], required: ['crv', 'kty', 'x'] },
  AKP: { bytes: ['pub'], required: ['alg', 'kty', 'pub'] },
})
