import { randomUUID } from 'node:crypto'
import {
  type AlgorithmName,
  type Clock,
  type JwkSetDocument,
  type SigningKey,
  signCompact,
  systemClock,
} from '@keyturn/core'
import type { VerifierOptions } from '@keyturn/verifier'
import { EndpointConduct } from './endpoint-conduct.ts'
import { type EndpointServer, listen } from './endpoint-server.ts'
import { type HostileToken, hostileTokens } from './hostile-tokens/hostile-tokens.ts'
import { strangerTo } from './hostile-tokens/stranger.ts'
import { type TestEndpoint, testEndpoint } from './test-endpoint.ts'
import { TestKeys } from './test-keys.ts'

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
  /** The key set's endpoint, and how it behaves. */
  readonly endpoint: TestEndpoint
  /** What makes a verifier of this issuer, in this process and without a network. */
  readonly verifierOptions: Pick<Required<VerifierOptions>, 'issuer' | 'audience' | 'fetch' | 'clock'>
  /** Serves the key set on a free port of this machine, as an authority does, until it is closed. */
  listen(): Promise<ListeningIssuer>
  /**
   * A token that a service accepts: RFC 9068, one hour, of a user. Claims given here come on top; one that is `undefined`
   * is left out.
   */
  token(claims?: object, header?: { readonly typ: string }): Promise<string>
  /** A token that a service accepts, which a client got for itself: no user, no role. */
  clientToken(claims?: object): Promise<string>
  /** A good token but for its `exp`, an hour ago. */
  expiredToken(claims?: object): Promise<string>
  /** A token with the kid of the active key and the signature of another. */
  forgedToken(claims?: object): Promise<string>
  /** Tokens that no service may accept, all that {@link hostileTokens} knows; made of this one, by default a user's. */
  hostileTokens(good?: string): Promise<readonly HostileToken[]>
  /** The key set as it is now. */
  jwks(): JwkSetDocument
  /** The next key signs from now on; the one before stays in the set until its last token has expired. */
  rotate(): Promise<void>
  /** Takes a key, by default the active one, out of the set at once. */
  revoke(kid?: string): Promise<void>
}

/** An issuer that can be asked from other processes. */
export interface ListeningIssuer extends EndpointServer, AsyncDisposable {
  /** What a service takes to trust this issuer: `optionsFromEnv` reads it. */
  readonly env: Readonly<Record<'KEYTURN_ISSUER' | 'KEYTURN_AUDIENCE' | 'KEYTURN_JWKS_URL', string>>
}

const TTL_SECONDS = 3600
const GRACE_SECONDS = TTL_SECONDS + 15

/**
 * Makes an issuer for the tests of a service. It opens no port unless it is told to {@link TestIssuer.listen}.
 *
 * @example
 * const issuer = await testIssuer()
 * const verifier = createVerifier(issuer.verifierOptions)
 * const session = verifier.session(await verifier.verify(await issuer.token({ sub: 'alice' })))
 */
export async function testIssuer(options: TestIssuerOptions = {}): Promise<TestIssuer> {
  const { algorithm = 'EdDSA', clock = systemClock } = options
  const { issuer = 'https://issuer.test', audience = 'https://service.test' } = options
  const { cacheControl = 'public, max-age=900, stale-while-revalidate=60' } = options
  const nowSeconds = () => Math.floor(clock.now() / 1000)
  const keys = await TestKeys.open(algorithm, nowSeconds)
  const conduct = new EndpointConduct(keys, cacheControl)
  const endpoint = testEndpoint(conduct)

  const sign = async (key: SigningKey, claims: object, typ = 'at+jwt') => {
    const iat = nowSeconds()
    const session = { type: 0, role: 1, verified: true }
    const who = { iss: issuer, sub: 'user-1', aud: audience, client_id: 'client-1', jti: randomUUID() }
    const good = { ...who, iat, exp: iat + TTL_SECONDS, scope: 'read', ...session }
    return await signCompact(key, { typ }, { ...good, ...claims })
  }
  const token: TestIssuer['token'] = (claims = {}, header) => sign(keys.signingKey, claims, header?.typ)

  return {
    issuer,
    audience,
    endpoint,
    verifierOptions: { issuer, audience, fetch: endpoint.fetch, clock },
    get kid() {
      return keys.signingKey.kid
    },
    async listen() {
      const { url, close } = await listen(conduct)
      const env = { KEYTURN_ISSUER: issuer, KEYTURN_AUDIENCE: audience, KEYTURN_JWKS_URL: url }
      return { url, env, close, [Symbol.asyncDispose]: close }
    },
    token,
    clientToken: (claims = {}) =>
      token({ sub: 'client-1', type: undefined, role: undefined, verified: undefined, ...claims }),
    expiredToken(claims = {}) {
      const iat = nowSeconds() - 2 * TTL_SECONDS
      return token({ iat, exp: iat + TTL_SECONDS, ...claims })
    },
    async forgedToken(claims = {}) {
      const { signingKey } = keys
      return await sign({ ...(await strangerTo(signingKey.publicJwk)), kid: signingKey.kid }, claims)
    },
    async hostileTokens(good) {
      const { signingKey } = keys
      return await hostileTokens({
        good: good ?? (await token()),
        publicJwk: signingKey.publicJwk,
        signingKey,
      })
    },
    jwks: () => keys.current(),
    rotate: () => keys.rotate(GRACE_SECONDS),
    revoke: (kid = keys.signingKey.kid) => keys.revoke(kid),
  }
}
