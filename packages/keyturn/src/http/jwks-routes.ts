import { createHash } from 'node:crypto'
import { type JwkSetDocument, KEY_SET_PATHS, SIGNED_JWK_SET_TYP } from '@keyturn/core'
import type { KeyManager, SignedKeySet, Timing } from '@keyturn/keyring'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { HttpRefusal } from './problem.ts'

/** What the key set routes need. */
export interface JwksRouteOptions {
  readonly keys: KeyManager
  /** The set under a root key; `undefined` where there is none. */
  readonly signedKeySet: SignedKeySet | undefined
  readonly timing: Timing
  readonly onRequest: (status: number) => void
}

/** A form in which the set is published: the same text until its content changes. */
interface Form {
  readonly mediaType: string
  readonly write: (document: JwkSetDocument) => Promise<string>
}

const UNCACHED = 'public, max-age=0'
const PLAIN_PATHS = [KEY_SET_PATHS.plain, `/keys${KEY_SET_PATHS.plain}`] as const

/** Publishes the public keys (RFC 7517), and under a root key too (OpenID Federation 1.0, section 5.2.1.1). */
export function jwksRoutes(server: FastifyInstance, options: JwksRouteOptions): void {
  const { keys, signedKeySet, timing, onRequest } = options
  const cacheControl = cacheControlOf(timing)
  const serve = ({ mediaType, write }: Form) => {
    const etagOf = lastEtag()
    return async (request: FastifyRequest, reply: FastifyReply) => {
      const body = await write(keys.publicJwks())
      const etag = etagOf(body)
      const isHeld = matches(request.headers['if-none-match'], etag)
      onRequest(isHeld ? 304 : 200)
      reply.headers({
        'cache-control': keys.isExposureRecorded ? cacheControl : UNCACHED,
        etag,
        'access-control-allow-origin': '*',
      })
      if (isHeld) return reply.code(304).send()
      return reply.type(mediaType).send(body)
    }
  }
  const plain = serve(plainForm())
  for (const path of PLAIN_PATHS) server.get(path, plain)
  server.get(
    KEY_SET_PATHS.signed,
    signedKeySet === undefined ? refuseUnsigned : serve(signedForm(signedKeySet)),
  )
}

function plainForm(): Form {
  const texts = new WeakMap<JwkSetDocument, string>()
  const write = async (document: JwkSetDocument) => {
    const text = texts.get(document) ?? JSON.stringify(document)
    texts.set(document, text)
    return text
  }
  return { mediaType: 'application/jwk-set+json', write }
}

function signedForm(signedKeySet: SignedKeySet): Form {
  return { mediaType: `application/${SIGNED_JWK_SET_TYP}`, write: (document) => signedKeySet.of(document) }
}

async function refuseUnsigned(): Promise<never> {
  throw new HttpRefusal(404, 'root_key_missing', 'the authority has no root key that signs the key set')
}

function cacheControlOf({ jwksMaxAgeMs, jwksStaleWhileRevalidateMs }: Timing): string {
  const maxAge = `public, max-age=${jwksMaxAgeMs / 1000}`
  if (jwksStaleWhileRevalidateMs === 0) return maxAge
  return `${maxAge}, stale-while-revalidate=${jwksStaleWhileRevalidateMs / 1000}`
}

/** The ETag of a text, made once while it stays the same. */
function lastEtag(): (body: string) => string {
  let last = { body: '', etag: '' }
  return (body) => {
    if (body !== last.body) {
      last = { body, etag: `"${createHash('sha256').update(body).digest('base64url')}"` }
    }
    return last.etag
  }
}

/** RFC 9110, section 13.1.2: `If-None-Match` compares weakly. */
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  const held = ifNoneMatch.split(',').map((one) => one.trim().replace(/^W\//, ''))
  return held.includes(etag) || held.includes('*')
}
