import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { TOKENS_ISSUE } from '../service/client-registry.ts'
import type { SubjectRequest, TokenService } from '../service/token-service.ts'
import { ClientGate, type ClientGateOptions } from './client-gate.ts'
import { parseBody } from './request-body.ts'

/** What the route needs with which trusted clients mint tokens for users. */
export interface TokenRouteOptions extends ClientGateOptions {
  readonly tokens: TokenService
}

/** Shows as itself: nothing that ends a line, moves a cursor or hides. */
const VISIBLE = '(?![\\p{C}\\p{Zl}\\p{Zp}\\p{Default_Ignorable_Code_Point}]).'
/** What joins two others, without which Persian and Hindi are misspelt; and, before it, what makes a sign an emoji. */
const JOINED = `\\ufe0f?(?:[\\u200c\\u200d](?=${VISIBLE}))?`
/**
 * What names somebody comes to stand in logs and on screens of services. Values of the caller's own claims are left alone: an address
 * has lines.
 */
const PRINTABLE = new RegExp(`^(?:${VISIBLE}${JOINED})*$`, 'su')
const CLAIM_NAME = new RegExp(`^(?:${VISIBLE})+$`, 'su')
const shortText = z.string().min(1).max(255).regex(PRINTABLE).regex(/\S/)
const BODY = z.strictObject({
  subject: shortText,
  role: z.enum(['user', 'admin']).default('user'),
  verified: z.boolean().default(false),
  audience: z.union([shortText, z.array(shortText).min(1).max(8)]).optional(),
  scope: z.string().max(1024).optional(),
  ttlSeconds: z.int().min(1).optional(),
  /** The caller's own label; kept with the session once there are sessions to list. */
  description: z.string().max(255).regex(PRINTABLE).optional(),
  // JSON it is, since the body was; which names, how deep and how large is for the service to say
  claims: z.record(z.string().max(128).regex(CLAIM_NAME), z.unknown()).default({}),
})

/** `POST /v1/tokens`: a client that knows the user asks for a token with which the user speaks. */
export function tokenRoutes(server: FastifyInstance, options: TokenRouteOptions): void {
  const { tokens } = options
  const gate = new ClientGate(options, TOKENS_ISSUE)
  server.post('/v1/tokens', async (request, reply) => {
    const client = await gate.admit(request)
    const { token, expiresInSeconds, scope } = await tokens.issueForSubject(
      client,
      subjectRequest(request.body),
    )
    reply.code(201).header('cache-control', 'no-store')
    return {
      access_token: token,
      token_type: 'Bearer',
      expires_in: expiresInSeconds,
      ...(scope && { scope }),
    }
  })
}

function subjectRequest(body: unknown): SubjectRequest {
  const { subject, role, verified, audience, scope, ttlSeconds, claims } = parseBody(BODY, EXPECTED, body)
  return { subject, role, verified, audience, scope, ttlSeconds, claims }
}

const EXPECTED = Object.freeze({
  subject: 'expected a text of 1 to 255 printable characters',
  role: 'expected user or admin',
  verified: 'expected true or false',
  audience: 'expected a printable text, or up to 8 of them',
  scope: 'expected a text of at most 1024 characters',
  ttlSeconds: 'expected whole seconds, at least 1',
  description: 'expected a text of at most 255 printable characters',
  claims: 'expected a JSON object with printable names',
})
