import { KEY_SET_PATHS, urlBelow } from '@keyturn/core'
import type { FastifyInstance } from 'fastify'
import type { JwksRouteOptions } from './jwks-routes.ts'
import { HttpRefusal } from './problem.ts'

const METADATA = '/.well-known/oauth-authorization-server'
const CACHE_CONTROL = 'public, max-age=3600'

/** What the metadata tells of. */
export interface MetadataOptions extends Pick<JwksRouteOptions, 'signedKeySet'> {
  readonly issuer: string
}

/**
 * Describes the authority (RFC 8414), so that clients configure themselves. The path of the issuer, if it has one, comes
 * after the well-known part (section 3.1).
 */
export function metadataRoutes(server: FastifyInstance, { issuer, signedKeySet }: MetadataOptions): void {
  const url = URL.canParse(issuer) && /^https?:/i.test(issuer) ? new URL(issuer) : undefined
  const own = urlBelow(METADATA + (url?.pathname ?? ''), '')
  for (const place of new Set([METADATA, own])) {
    server.get(place, async (_request, reply) => {
      if (url === undefined) throw new HttpRefusal(404, 'metadata_unavailable', 'the issuer is no URL')
      return reply
        .headers({ 'cache-control': CACHE_CONTROL, 'access-control-allow-origin': '*' })
        .send(metadataOf(issuer, signedKeySet !== undefined))
    })
  }
}

function metadataOf(issuer: string, isSetSigned: boolean): object {
  return {
    issuer,
    token_endpoint: urlBelow(issuer, '/oauth2/token'),
    jwks_uri: urlBelow(issuer, KEY_SET_PATHS.plain),
    ...(isSetSigned && { signed_jwks_uri: urlBelow(issuer, KEY_SET_PATHS.signed) }),
    response_types_supported: [],
    grant_types_supported: ['client_credentials'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
  }
}
