import { createVerifier } from '@keyturn/verifier'
import { JwtVerifier } from 'aws-jwt-verify'
import { SimpleJwksCache } from 'aws-jwt-verify/jwk'
import { createVerifier as createFastJwtVerifier } from 'fast-jwt'
import buildGetJwks from 'get-jwks'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import jwt from 'jsonwebtoken'
import jwksRsa from 'jwks-rsa'
import { CLAIMS } from '../contenders/contender.ts'

/** Somebody who fetches a key set and verifies by it. */
export interface KeySetClient {
  readonly name: string
  /** A step that verifies a token of RS256, by the key set at a URL. */
  open(url: URL): { verify(token: string): Promise<unknown>; close?(): void }
}

const { iss: issuer, aud: audience } = CLAIMS
const algorithms = ['RS256' as const]

/** Everybody as their own documents have it. */
export const CLIENTS: readonly KeySetClient[] = [
  {
    name: 'keyturn',
    open: (url) => createVerifier({ issuer, audience, jwksUrl: url.href }),
  },
  {
    name: 'jose',
    open(url) {
      const keys = createRemoteJWKSet(url)
      return { verify: (token) => jwtVerify(token, keys, { issuer, audience, algorithms }) }
    },
  },
  {
    name: 'aws-jwt-verify',
    open(url) {
      // its own fetcher takes https alone
      const fetcher = { fetch: async () => await (await fetch(url)).arrayBuffer() }
      return JwtVerifier.create(
        { issuer, audience, jwksUri: url.href },
        { jwksCache: new SimpleJwksCache({ fetcher }) },
      )
    },
  },
  {
    name: 'jwks-rsa with jsonwebtoken',
    open(url) {
      const client = jwksRsa({ jwksUri: url.href })
      const keyOf = async (token: string) => {
        const { kid } = jwt.decode(token, { complete: true })?.header ?? {}
        return (await client.getSigningKey(kid)).getPublicKey()
      }
      return {
        verify: async (token) => jwt.verify(token, await keyOf(token), { issuer, audience, algorithms }),
      }
    },
  },
  {
    name: 'get-jwks with fast-jwt',
    open(url) {
      const { origin, pathname } = url
      const client = buildGetJwks({ jwksPath: pathname })
      const verify = createFastJwtVerifier({
        key: async ({ header: { kid, alg } }: { header: Record<string, string> }) =>
          await client.getPublicKey({ kid, alg, domain: origin } as object),
        algorithms,
        allowedIss: issuer,
        allowedAud: audience,
      })
      return { verify: async (token) => await verify(token) }
    },
  },
]
