import {
  type Clock,
  type JwkSetDocument,
  SIGNED_JWK_SET_TYP,
  type SignedJwkSetClaims,
  type SigningKey,
  signCompact,
} from '@keyturn/core'

/** What a {@link SignedKeySet} goes by. */
export interface SignedKeySetOptions {
  readonly root: SigningKey
  readonly issuer: string
  /** How long a signed set is good, from its `iat` on; even, so that half of it is whole. */
  readonly ttlSeconds: number
  readonly clock: Pick<Clock, 'now'>
}

/**
 * The key set under a root key. Time is cut into periods of half its lifetime, and all of a period is signed alike: replicas serve the
 * same bytes, verifiers can ask with an ETag, and whoever gets a set has half of its lifetime at least.
 *
 * @example
 * const root = localSigningKey(await readKeyPair(await readFile('root.jwk')))
 * const signed = new SignedKeySet({ root, issuer: 'https://auth.example', ttlSeconds: 14_400, clock: systemClock })
 * const body = await signed.of(keys.publicJwks())
 */
export class SignedKeySet {
  readonly #options: SignedKeySetOptions
  #last:
    | { readonly document: JwkSetDocument; readonly iat: number; readonly text: Promise<string> }
    | undefined

  constructor(options: SignedKeySetOptions) {
    this.#options = options
  }

  /** The root that verifiers pin. */
  get rootKid(): string {
    return this.#options.root.kid
  }

  /** A document under the root key, as it is good now. */
  async of(document: JwkSetDocument): Promise<string> {
    const iat = this.#beginOfPeriod()
    const last = this.#last
    if (last?.document === document && last.iat === iat) return await last.text
    const text = this.#sign(document, iat)
    this.#last = { document, iat, text }
    // what failed is tried again by who asks next
    text.catch(() => {
      if (this.#last?.text === text) this.#last = undefined
    })
    return await text
  }

  #beginOfPeriod(): number {
    const { clock, ttlSeconds } = this.#options
    const periodSeconds = ttlSeconds / 2
    return Math.floor(clock.now() / 1000 / periodSeconds) * periodSeconds
  }

  async #sign(document: JwkSetDocument, iat: number): Promise<string> {
    const { root, issuer, ttlSeconds } = this.#options
    const claims: SignedJwkSetClaims = { iss: issuer, sub: issuer, iat, exp: iat + ttlSeconds }
    return await signCompact(root, { typ: SIGNED_JWK_SET_TYP }, { ...claims, ...document })
  }
}
