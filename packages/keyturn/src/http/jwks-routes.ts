import { createHash } from 'node:crypto'
import type { JwkSetDocument } from '@keyturn/core'
import type { KeyManager, Timing } from '@keyturn/keyring'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** What the key set route needs. */
export interface JwksRouteOptions {
  readonly keys: KeyManager
  readonly timing: Timing
  readonly onRequest: (status: number) => void
}

/** A key set as it goes over the wire. */
interface Edition {
  readonly body: string
  readonly etag: string
}

const UNCACHED = 'public, max-age=0'
const PATHS = ['/.well-known/jwks.json', '/keys/.well-known/jwks.json'] as const

/** Publishes the public keys (RFC 7517): a read of memory, the same bytes until the content changes. */
export function jwksRoutes(server: FastifyInstance, { keys, timing, onRequest }: JwksRouteOptions): void {
  const editions = new WeakMap<JwkSetDocument, Edition>()
  const cacheControl = cacheControlOf(timing)
  const serve = async (request: FastifyRequest, reply: FastifyReply) => {
    const { body, etag } = editionOf(keys.publicJwks(), editions)
    const isHeld = matches(request.headers['if-none-match'], etag)
    onRequest(isHeld ? 304 : 200)
    reply.headers({
      'cache-control': keys.isExposureRecorded ? cacheControl : UNCACHED,
      etag,
      'access-control-allow-origin': '*',
    })
    if (isHeld) return reply.code(304).send()
    return reply.type('application/jwk-set+json').send(body)
  }
  for (const path of PATHS) server.get(path, serve)
}

function cacheControlOf({ jwksMaxAgeMs, jwksStaleWhileRevalidateMs }: Timing): string {
  const maxAge = `public, max-age=${jwksMaxAgeMs / 1000}`
  if (jwksStaleWhileRevalidateMs === 0) return maxAge
  return `${maxAge}, stale-while-revalidate=${jwksStaleWhileRevalidateMs / 1000}`
}

function editionOf(document: JwkSetDocument, editions: WeakMap<JwkSetDocument, Edition>): Edition {
  const known = editions.get(document)
  if (known !== undefined) return known
  const body = JSON.stringify(document)
  const edition = { body, etag: `"${createHash('sha256').update(body).digest('base64url')}"` }
  editions.set(document, edition)
  return edition
}

/** RFC 9110, section 13.1.2: `If-None-Match` compares weakly. */
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  const held = ifNoneMatch.split(',').map((one) => one.trim().replace(/^W\//, ''))
  return held.includes(etag) || held.includes('*')
}
