import { createVerifier } from 'fast-jwt'
import buildGetJwks from 'get-jwks'
import { CLAIMS } from '../../bench/contenders/contender.ts'
import { type Fault, staged } from './fault.ts'
import { type Contestant, NEW, OLD, outcomeOf, outcomesOfTurn, type Stage, tokenOf } from './stage.ts'

/** What goes wrong with an option that a peer offers. */
export const CONFIGURED_FAULTS: readonly Fault[] = [
  staged(
    'get-jwks: a time-out of 0.1 s',
    (stage) => fastJwt(stage, {}, { timeout: 100 }),
    async ({ endpoint }, client) => {
      endpoint.hang()
      const late = new Promise<string>((resolve) => setTimeout(resolve, 1000, 'no answer after 1 s'))
      return await Promise.race([late, outcomeOf(client, tokenOf(OLD)).then((it) => `${it} within 1 s`)])
    },
    { timeoutSeconds: 0.1 },
  ),

  staged(
    'fast-jwt: a remembered token whose key left',
    (stage) => fastJwt(stage, { cache: true }),
    async (stage, client) => {
      stage.endpoint.publish([OLD.jwk], 'max-age=60')
      const token = tokenOf(OLD)
      await client.verify(token)
      stage.endpoint.publish([NEW.jwk], 'max-age=60')
      await stage.pass(300)
      return await outcomesOfTurn(stage, client, token)
    },
    { tokenCacheSize: 1000 },
  ),

  staged(
    'fast-jwt: tokens remembered by their end',
    (stage) => fastJwt(stage, { cache: true, cacheKeyBuilder: (token: string) => token.slice(-43) }),
    async ({ endpoint }, client) => {
      endpoint.publish([OLD.jwk])
      const [header, , signature] = tokenOf(OLD).split('.')
      await client.verify(tokenOf(OLD))
      const claims = Buffer.from(JSON.stringify({ ...CLAIMS, role: 2 })).toString('base64url')
      return await outcomeOf(client, `${header}.${claims}.${signature}`)
    },
    { tokenCacheSize: 1000 },
  ),
]

/** fast-jwt with the keys that get-jwks fetches, as their documents have it. */
function fastJwt({ endpoint }: Stage, options: object, fetchOptions: object = {}): Contestant {
  const { origin: domain, pathname: jwksPath } = endpoint.url
  const keys = buildGetJwks({ jwksPath, fetchOptions })
  const verify = createVerifier({
    key: async ({ header: { kid, alg } }: { header: Record<string, string> }) =>
      await keys.getPublicKey({ kid, alg, domain } as object),
    algorithms: ['RS256'],
    allowedIss: CLAIMS.iss,
    allowedAud: CLAIMS.aud,
    ...options,
  })
  return { verify: async (token) => await verify(token) }
}
