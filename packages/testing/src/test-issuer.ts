import { randomUUID } from 'node:crypto'
import {
  type AlgorithmName,
  type Clock,
  type JwkSetDocument,
  type PublishedJwk,
  type SigningKey,
  signCompact,
  systemClock,
} from '@keyturn/core'
import { generateSigningPair, type KeyPair, localSigningKey, publishedJwk } from '@keyturn/keyring'
import { type TestEndpoint, testEndpoint } from './test-endpoint.ts'

/** What {@link testIssuer} may be told. */
export interface TestIssuerOptions {
  /** Default `EdDSA`, whose keys are made fastest. */
  readonly algorithm?: AlgorithmName
  /** Dates the tokens. Default: the machine's. */
  readonly clock?: Clock
  /** Default `https://issuer.test`. */
  readonly issuer?: string
  /** Default `https://service.test`. */
  readonly audience?: string
  /** `Cache-Control` of the key set. Default: what an authority sends. */
  readonly cacheControl?: string
}

/** An issuer in memory: good tokens, bad ones, and keys that turn when a test says so. */
export interface TestIssuer {
  readonly issuer: string
  readonly audience: string
  /** Kid of the key that signs now. */
  readonly kid: string
  /** The key set's endpoint, and how it behaves. Its `fetch` is what a verifier takes. */
  readonly endpoint: TestEndpoint
  /**
   * A token that a service accepts: RFC 9068, one hour, of a user. Claims given here come on top; one that is `undefined`
   * is left out.
   */
  token(claims?: object, header?: { readonly typ: string }): Promise<string>
  /** A good token but for its `exp`, an hour ago. */
  expiredToken(claims?: object): Promise<string>
  /** A token with the kid of the active key and the signature of another. */
  forgedToken(claims?: object): Promise<string>
  /** The key set as it is now. */
  jwks(): JwkSetDocument
  /** The next key signs from now on; the one before stays in the set until its last token has expired. */
  rotate(): Promise<void>
  /** Takes a key, by default the active one, out of the set at once. */
  revoke(kid?: string): Promise<void>
}

const TTL_SECONDS = 3600
const GRACE_SECONDS = TTL_SECONDS + 15

/**
 * Makes an issuer for the tests of a service. It needs no network, and opens no port.
 *
 * @example
 * const issuer = await testIssuer()
 * const { issuer: iss, audience, endpoint } = issuer
 * const verifier = createVerifier({ issuer: iss, audience, fetch: endpoint.fetch })
 * const session = verifier.session(await verifier.verify(await issuer.token({ sub: 'alice' })))
 */
export async function testIssuer(options: TestIssuerOptions = {}): Promise<TestIssuer> {
  const { algorithm = 'EdDSA', clock = systemClock, cacheControl } = options
  const { issuer = 'https://issuer.test', audience = 'https://service.test' } = options
  const generate = () => generateSigningPair({ algorithm, rsaBits: 2048 })
  const [stranger, ...first] = await Promise.all([generate(), generate(), generate()])
  let [active, next] = first as [KeyPair, KeyPair]
  let retired: readonly PublishedJwk[] = []
  const ring = randomUUID()
  let version = 1

  const nowSeconds = () => Math.floor(clock.now() / 1000)
  const jwks = (): JwkSetDocument => ({
    keys: [...retired.filter(({ exp = 0 }) => exp > nowSeconds()), publishedJwk(active), publishedJwk(next)],
    keyturn: { ring, version },
  })
  const endpoint = testEndpoint(jwks, cacheControl)
  const change = async (make: () => Promise<void>) => {
    const before = jwks()
    await make()
    version += 1
    endpoint.remember(before)
  }
  const sign = async (key: SigningKey, claims: object, typ = 'at+jwt') => {
    const iat = nowSeconds()
    const session = { type: 0, role: 1, verified: true }
    const who = { iss: issuer, sub: 'user-1', aud: audience, client_id: 'client-1', jti: randomUUID() }
    const good = { ...who, iat, exp: iat + TTL_SECONDS, scope: 'read', ...session }
    return await signCompact(key, { typ }, { ...good, ...claims })
  }

  return {
    issuer,
    audience,
    endpoint,
    get kid() {
      return active.kid
    },
    token: (claims = {}, header) => sign(localSigningKey(active), claims, header?.typ),
    expiredToken(claims = {}) {
      const iat = nowSeconds() - 2 * TTL_SECONDS
      return sign(localSigningKey(active), { iat, exp: iat + TTL_SECONDS, ...claims })
    },
    forgedToken: (claims = {}) => sign({ ...localSigningKey(stranger), kid: active.kid }, claims),
    jwks,
    rotate: () =>
      change(async () => {
        const spare = await generate()
        retired = [...retired, publishedJwk(active, nowSeconds() + GRACE_SECONDS)]
        active = next
        next = spare
      }),
    revoke: (kid = active.kid) =>
      change(async () => {
        const spare = await generate()
        retired = retired.filter((key) => key.kid !== kid)
        if (kid === active.kid) active = next
        else if (kid !== next.kid) return
        next = spare
      }),
  }
}
