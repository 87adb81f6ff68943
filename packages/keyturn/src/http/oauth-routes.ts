import { KeyturnError } from '@keyturn/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ClientRegistry } from '../service/client-registry.ts'
import type { TokenService } from '../service/token-service.ts'
import type { Client } from '../state/client-store.ts'
import type { Logger } from '../telemetry/logger.ts'
import {
  authorizationOf,
  BASIC_CHALLENGE,
  basicCredentials,
  type ClientCredentials,
} from './client-credentials.ts'
import { HttpRefusal, isFailure, problemOf } from './problem.ts'

/** What the OAuth routes need. */
export interface OAuthRouteOptions {
  readonly clients: ClientRegistry
  readonly tokens: TokenService
  readonly logger: Logger
}

/** Error codes of RFC 6749, section 5.2. */
type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_scope'
  | 'unsupported_grant_type'
  | 'server_error'
  | 'temporarily_unavailable'

/** An answer in the shape of RFC 6749, section 5.2. */
class OAuthRefusal extends HttpRefusal {
  override readonly code: OAuthErrorCode

  constructor(status: number, code: OAuthErrorCode, description: string, headers = {}) {
    super(status, code, description, headers)
    this.code = code
  }
}

const MEDIA_TYPE = 'application/x-www-form-urlencoded'

/** The token endpoint (RFC 6749, section 3.2): form in, JSON out, never cached. Wants a prefix of its own. */
export async function oauthRoutes(
  server: FastifyInstance,
  { clients, tokens, logger }: OAuthRouteOptions,
): Promise<void> {
  server.removeAllContentTypeParsers()
  server.addContentTypeParser(
    MEDIA_TYPE,
    { parseAs: 'string' },
    async (_request: FastifyRequest, body: string) => parseForm(body),
  )
  server.addHook('onSend', async (_request, reply) => {
    reply.headers({ 'cache-control': 'no-store', pragma: 'no-cache' })
  })
  server.setErrorHandler((error, _request, reply) => {
    const refusal = asOAuthRefusal(error)
    if (isFailure(error, refusal.status)) logger.error({ err: error, code: refusal.code }, 'request failed')
    sendRefusal(refusal, reply)
  })

  // the listener throws before this is asked; that it is here lets the refusal have this scope's shape
  server.setNotFoundHandler(async () => {
    throw new OAuthRefusal(404, 'invalid_request', 'there is nothing here')
  })
  server.post('/token', async (request) => {
    const form = (request.body ?? new Map()) as Form
    const client = await authenticate(clients, request, form)
    const grant = form.get('grant_type')
    if (grant === undefined) throw new OAuthRefusal(400, 'invalid_request', 'expected grant_type')
    if (grant !== 'client_credentials') {
      throw new OAuthRefusal(400, 'unsupported_grant_type', 'expected grant_type client_credentials')
    }
    const { token, expiresInSeconds, scope } = await tokens.issueToClient(client, form.get('scope'))
    return {
      access_token: token,
      token_type: 'Bearer',
      expires_in: expiresInSeconds,
      ...(scope && { scope }),
    }
  })
}

type Form = ReadonlyMap<string, string>

/** No parameter twice, and one without a value is as good as none (RFC 6749, section 3.2). */
function parseForm(body: string): Form {
  const form = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(body)) {
    if (form.has(name)) throw new OAuthRefusal(400, 'invalid_request', 'expected each parameter once')
    form.set(name, value)
  }
  return new Map([...form].filter(([, value]) => value !== ''))
}

async function authenticate(clients: ClientRegistry, request: FastifyRequest, form: Form): Promise<Client> {
  const credentials = credentialsOf(request, form)
  const client = credentials && (await clients.authenticate(credentials.clientId, credentials.secret))
  if (client) return client
  throw new OAuthRefusal(401, 'invalid_client', 'expected a client id and its secret', {
    'www-authenticate': BASIC_CHALLENGE,
  })
}

/** By header or by form, never both (RFC 6749, section 2.3). */
function credentialsOf(request: FastifyRequest, form: Form): ClientCredentials | undefined | null {
  const basic = basicCredentials(authorizationOf(request.raw))
  const [clientId, secret] = [form.get('client_id'), form.get('client_secret')]
  if (basic === undefined)
    return clientId !== undefined && secret !== undefined ? { clientId, secret } : undefined
  if (secret !== undefined || (clientId !== undefined && clientId !== basic?.clientId)) {
    throw new OAuthRefusal(400, 'invalid_request', 'expected one way of client authentication')
  }
  return basic
}

function sendRefusal(refusal: OAuthRefusal, reply: FastifyReply): void {
  reply
    .code(refusal.status)
    .headers(refusal.headers)
    .send({ error: refusal.code, error_description: refusal.message })
}

function asOAuthRefusal(error: unknown): OAuthRefusal {
  if (error instanceof OAuthRefusal) return error
  if (error instanceof KeyturnError && error.code === 'scope_refused') {
    return new OAuthRefusal(400, 'invalid_scope', error.message)
  }
  const { status, detail } = problemOf(error, MEDIA_TYPE)
  const headers = error instanceof HttpRefusal ? error.headers : {}
  if (status === 503) return new OAuthRefusal(503, 'temporarily_unavailable', detail, { 'retry-after': '5' })
  if (status >= 500) return new OAuthRefusal(500, 'server_error', detail)
  return new OAuthRefusal(status === 415 ? 400 : status, 'invalid_request', detail, headers)
}
