import { KeyturnError, sessionOf, TokenChecker } from '@keyturn/core'
import type { KeyManager } from '@keyturn/keyring'
import type { FastifyRequest } from 'fastify'
import type { ClientRegistry } from '../service/client-registry.ts'
import { authorityAudience } from '../service/token-service.ts'
import type { Client } from '../state/client-store.ts'
import { authorizationOf, BASIC_CHALLENGE, basicCredentials } from './client-credentials.ts'
import { HttpRefusal } from './problem.ts'

/** What a {@link ClientGate} works with. */
export interface ClientGateOptions {
  readonly keys: KeyManager
  readonly clients: ClientRegistry
  readonly issuer: string
}

/** Lets clients in that have a scope: by their secret, or by a token that they got for themselves. */
export class ClientGate {
  readonly #options: ClientGateOptions
  readonly #scope: string
  readonly #checker: TokenChecker

  constructor(options: ClientGateOptions, scope: string) {
    const { issuer } = options
    this.#options = options
    this.#scope = scope
    this.#checker = new TokenChecker({ issuer, audience: authorityAudience(issuer) })
  }

  /**
   * The client that asks.
   *
   * @throws {HttpRefusal} 401 for who it is not, 403 `scope_missing` for what it may not
   */
  async admit(request: FastifyRequest): Promise<Client> {
    const authorization = authorizationOf(request.raw)
    const client =
      authorization !== undefined && /^Bearer\b/i.test(authorization)
        ? await this.#clientOfToken(authorization)
        : await this.#clientOfSecret(authorization)
    const scope = this.#scope
    if (client.scopes.includes(scope)) return client
    throw new HttpRefusal(403, 'scope_missing', `expected a client with scope ${scope}`, {
      'www-authenticate': `Bearer realm="keyturn", error="insufficient_scope", scope="${scope}"`,
    })
  }

  async #clientOfSecret(authorization: string | undefined): Promise<Client> {
    const credentials = basicCredentials(authorization)
    const { clients } = this.#options
    const client = credentials && (await clients.authenticate(credentials.clientId, credentials.secret))
    if (client) return client
    throw unauthenticated(
      'client_refused',
      'expected a client id and its secret, or a Bearer token of a client',
    )
  }

  /** The token must carry the scope, and so must its client to this day. A user's token is nobody's to act with. */
  async #clientOfToken(authorization: string): Promise<Client> {
    const session = sessionOf(this.#verified(authorization))
    const client =
      session.kind === 'client' && session.scopes.includes(this.#scope) && session.clientId !== undefined
        ? await this.#options.clients.find(session.clientId)
        : undefined
    if (client !== undefined) return client
    throw unauthenticated(
      'token_refused',
      `expected a token that a client with scope ${this.#scope} got for itself`,
      'invalid_token',
    )
  }

  #verified(authorization: string) {
    try {
      return this.#options.keys.verify(authorization.replace(/^Bearer +/i, ''), this.#checker)
    } catch (error) {
      if (error instanceof KeyturnError) throw unauthenticated(error.code, error.message, 'invalid_token')
      throw error
    }
  }
}

/** Only who presented a token learns of an error of it (RFC 6750, section 3.1). */
function unauthenticated(code: string, detail: string, tokenError?: 'invalid_token'): HttpRefusal {
  const challenges = `${BASIC_CHALLENGE}, Bearer realm="keyturn"`
  return new HttpRefusal(401, code, detail, {
    'www-authenticate': tokenError === undefined ? challenges : `${challenges}, error="${tokenError}"`,
  })
}
