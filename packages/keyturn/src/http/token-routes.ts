import { KeyturnError, sessionOf, TokenChecker } from '@keyturn/core'
import type { KeyManager } from '@keyturn/keyring'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { type ClientRegistry, TOKENS_ISSUE } from '../service/client-registry.ts'
import { authorityAudience, type SubjectRequest, type TokenService } from '../service/token-service.ts'
import type { Client } from '../state/client-store.ts'
import { authorizationOf, BASIC_CHALLENGE, basicCredentials } from './client-credentials.ts'
import { HttpRefusal } from './problem.ts'

/** What the route needs with which trusted clients mint tokens for users. */
export interface TokenRouteOptions {
  readonly keys: KeyManager
  readonly clients: ClientRegistry
  readonly tokens: TokenService
  readonly issuer: string
}

const shortText = z.string().min(1).max(255)
const BODY = z.strictObject({
  subject: shortText,
  role: z.enum(['user', 'admin']).default('user'),
  verified: z.boolean().default(false),
  audience: z.union([shortText, z.array(shortText).min(1).max(8)]).optional(),
  scope: z.string().max(1024).optional(),
  ttlSeconds: z.int().min(1).optional(),
  /** The caller's own label; kept with the session once there are sessions to list. */
  description: z.string().max(255).optional(),
  // JSON it is, since the body was; which names, how deep and how large is for the service to say
  claims: z.record(z.string().min(1).max(128), z.unknown()).default({}),
})

/** `POST /v1/tokens`: a client that knows the user asks for a token with which the user speaks. */
export function tokenRoutes(server: FastifyInstance, options: TokenRouteOptions): void {
  const { tokens, issuer } = options
  const checker = new TokenChecker({ issuer, audience: authorityAudience(issuer) })
  server.post('/v1/tokens', async (request, reply) => {
    const client = await trustedClient(options, checker, request)
    const { token, expiresInSeconds, scope } = await tokens.issueForSubject(client, parseBody(request.body))
    reply.code(201).header('cache-control', 'no-store')
    return {
      access_token: token,
      token_type: 'Bearer',
      expires_in: expiresInSeconds,
      ...(scope && { scope }),
    }
  })
}

function parseBody(body: unknown): SubjectRequest {
  const { success, data, error } = BODY.safeParse(body)
  if (!success) throw new HttpRefusal(400, 'request_invalid', describe(error))
  const { subject, role, verified, audience, scope, ttlSeconds, claims } = data
  return { subject, role, verified, audience, scope, ttlSeconds, claims }
}

/** Names the member that is wrong and what was expected, never what came; a name of the caller's own is not repeated. */
function describe(error: z.ZodError): string {
  const [issue] = error.issues
  const [member] = issue?.path ?? []
  if (issue?.code === 'unrecognized_keys')
    return `expected no members but ${Object.keys(BODY.shape).join(', ')}`
  if (typeof member !== 'string' || !Object.hasOwn(BODY.shape, member)) return 'expected a JSON object'
  return `${member}: ${EXPECTED[member as keyof typeof EXPECTED]}`
}

const EXPECTED = Object.freeze({
  subject: 'expected a text of 1 to 255 characters',
  role: 'expected user or admin',
  verified: 'expected true or false',
  audience: 'expected a text, or up to 8 of them',
  scope: 'expected a text of at most 1024 characters',
  ttlSeconds: 'expected whole seconds, at least 1',
  description: 'expected a text of at most 255 characters',
  claims: 'expected a JSON object',
})

/** The caller, by its secret or by a token that it got for itself. */
async function trustedClient(
  options: TokenRouteOptions,
  checker: TokenChecker,
  request: FastifyRequest,
): Promise<Client> {
  const authorization = authorizationOf(request.raw)
  const client =
    authorization !== undefined && /^Bearer\b/i.test(authorization)
      ? await clientOfToken(options, checker, authorization)
      : await clientOfSecret(options.clients, authorization)
  if (client.scopes.includes(TOKENS_ISSUE)) return client
  throw new HttpRefusal(403, 'scope_missing', `expected a client with scope ${TOKENS_ISSUE}`, {
    'www-authenticate': `Bearer realm="keyturn", error="insufficient_scope", scope="${TOKENS_ISSUE}"`,
  })
}

async function clientOfSecret(clients: ClientRegistry, authorization: string | undefined): Promise<Client> {
  const credentials = basicCredentials(authorization)
  const client = credentials && (await clients.authenticate(credentials.clientId, credentials.secret))
  if (client) return client
  throw unauthenticated(
    'client_refused',
    'expected a client id and its secret, or a Bearer token of a client',
  )
}

/** The token must carry the scope, and so must its client to this day. A user's token is nobody's to mint with. */
async function clientOfToken(
  { keys, clients }: TokenRouteOptions,
  checker: TokenChecker,
  authorization: string,
): Promise<Client> {
  const session = sessionOf(verified(keys, checker, authorization))
  const client =
    session.kind === 'client' && session.scopes.includes(TOKENS_ISSUE) && session.clientId !== undefined
      ? await clients.find(session.clientId)
      : undefined
  if (client !== undefined) return client
  throw unauthenticated(
    'token_refused',
    `expected a token that a client with scope ${TOKENS_ISSUE} got for itself`,
    'invalid_token',
  )
}

function verified(keys: KeyManager, checker: TokenChecker, authorization: string) {
  try {
    return keys.verify(authorization.replace(/^Bearer +/i, ''), checker)
  } catch (error) {
    if (error instanceof KeyturnError) throw unauthenticated(error.code, error.message, 'invalid_token')
    throw error
  }
}

/** Only who presented a token learns of an error of it (RFC 6750, section 3.1). */
function unauthenticated(code: string, detail: string, tokenError?: 'invalid_token'): HttpRefusal {
  const challenges = `${BASIC_CHALLENGE}, Bearer realm="keyturn"`
  return new HttpRefusal(401, code, detail, {
    'www-authenticate': tokenError === undefined ? challenges : `${challenges}, error="${tokenError}"`,
  })
}
