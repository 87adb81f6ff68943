/** The members that make a public key (RFC 7518, section 6; RFC 8037, section 2). */
export type PublicJwk =
  | { readonly kty: 'RSA'; readonly n: string; readonly e: string }
  | { readonly kty: 'EC'; readonly crv: string; readonly x: string; readonly y: string }
  | { readonly kty: 'OKP'; readonly crv: string; readonly x: string }

/** A public key as a set publishes it. */
export type PublishedJwk = PublicJwk & {
  readonly kid: string
  readonly alg: string
  readonly use: 'sig'
  /** Whole seconds since the epoch; the key is good for nothing from then on. Absent while no end is fixed. */
  readonly exp?: number
}
