import { randomUUID } from 'node:crypto'
import {
  type AlgorithmName,
  assertNames,
  type Clock,
  type JwkSetDocument,
  type SigningKey,
  signCompact,
  systemClock,
} from '@keyturn/core'
import { generateSigningPair, localSigningKey, SignedKeySet } from '@keyturn/keyring'
import type { VerifierOptions } from '@keyturn/verifier'
import { EndpointConduct } from './endpoint-conduct.ts'
import { type HostileToken, hostileTokens } from './hostile-tokens/hostile-tokens.ts'
import { strangerTo } from './hostile-tokens/stranger.ts'
import { PLAIN_FORM, signedForm } from './key-set-form.ts'
import { type ListeningIssuer, listenAs, type SignedPublication } from './listening-issuer.ts'
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
  /** Signs the key set with a root key of its own, which `verifierOptions` then pin. Default `false`. */
  readonly rootKey?: boolean
}

/** An issuer in memory: good tokens, bad ones, and keys that turn when a test says so. */
export interface TestIssuer {
  readonly issuer: string
  readonly audience: string
  /** Kid of the key that signs now. */
  readonly kid: string
  /** The key set's endpoint, and how it behaves. */
  readonly endpoint: TestEndpoint
  /** What makes a verifier of this issuer, in this process and without a network. With a root key it pins that one. */
  readonly verifierOptions: Pick<Required<VerifierOptions>, 'issuer' | 'audience' | 'fetch' | 'clock'> &
    Pick<VerifierOptions, 'rootKeys'>
  /**
   * Serves the key set and the metadata on a port of this machine, by default a free one, as an authority does, until it is closed.
   */
  listen(options?: { readonly port?: number }): Promise<ListeningIssuer>
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

const OPTIONS = ['algorithm', 'clock', 'issuer', 'audience', 'cacheControl', 'rootKey']
const TTL_SECONDS = 3600
const GRACE_SECONDS = TTL_SECONDS + 15
/** How long a signed set is good: the default of an authority. */
const SIGNED_SET_TTL_SECONDS = 4 * 3600

/**
 * Makes an issuer for the tests of a service. It opens no port unless it is told to {@link TestIssuer.listen}.
 *
 * @example
 * const issuer = await testIssuer()
 * const verifier = createVerifier(issuer.verifierOptions)
 * const session = verifier.session(await verifier.verify(await issuer.token({ sub: 'alice' })))
 */
export async function testIssuer(options: TestIssuerOptions = {}): Promise<TestIssuer> {
  assertNames(options, OPTIONS, 'issuer_options_invalid', 'no option of a test issuer')
  const { algorithm = 'EdDSA', clock = systemClock } = options
  const { issuer = 'https://issuer.test', audience = 'https://service.test' } = options
  const { cacheControl = 'public, max-age=900, stale-while-revalidate=60' } = options
  const nowSeconds = () => Math.floor(clock.now() / 1000)
  const keys = await TestKeys.open(algorithm, nowSeconds)
  const conduct = new EndpointConduct(keys, cacheControl)
  const signed = options.rootKey === true ? await signedPublication(issuer, clock) : undefined
  const endpoint = testEndpoint(conduct, signed?.form ?? PLAIN_FORM)

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
    verifierOptions: {
      issuer,
      audience,
      fetch: endpoint.fetch,
      clock,
      ...(signed && { rootKeys: signed.rootKeys }),
    },
    get kid() {
      return keys.signingKey.kid
    },
    listen: ({ port = 0 } = {}) => listenAs({ issuer, audience, conduct, signed }, port),
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

async function signedPublication(issuer: string, clock: Clock): Promise<SignedPublication> {
  const root = localSigningKey(await generateSigningPair({ algorithm: 'EdDSA', rsaBits: 2048 }))
  const set = new SignedKeySet({ root, issuer, ttlSeconds: SIGNED_SET_TTL_SECONDS, clock })
  return { form: signedForm(set), rootKeys: { keys: [root.publicJwk] } }
}
