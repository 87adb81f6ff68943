import { randomUUID } from 'node:crypto'
import { DEFAULT_MAX_TOKEN_LENGTH, KeyturnError, urlBelow } from '@keyturn/core'
import type { KeyManager } from '@keyturn/keyring'
import type { Client } from '../state/client-store.ts'
import { isScopeList, RESERVED_SCOPES } from './client-registry.ts'
import { isReservedClaim } from './reserved-claims.ts'

/** What tokens say by default. */
export interface TokenServiceOptions {
  readonly keys: KeyManager
  readonly issuer: string
  readonly audience: string
  /** Lifetime of tokens for which no other was asked. */
  readonly ttlSeconds: number
  /** The longest that may be asked for; keys may promise more, from an earlier configuration. */
  readonly maxTtlSeconds: number
  /** Told of each token, and how long its signature took in milliseconds. */
  readonly onIssued: (signatureMs: number) => void
}

/** A token, and what its receiver may know of it. */
export interface IssuedToken {
  readonly token: string
  readonly expiresInSeconds: number
  readonly scope: string | undefined
}

/** A user for whom a trusted client asks a token. */
export interface SubjectRequest {
  readonly subject: string
  readonly role: 'user' | 'admin'
  readonly verified: boolean
  readonly audience: string | readonly string[] | undefined
  readonly scope: string | undefined
  readonly ttlSeconds: number | undefined
  /** More claims; none that is reserved. */
  readonly claims: Readonly<Record<string, unknown>>
}

const ACCESS_TOKEN = 'at+jwt'
/** Of `DEFAULT_MAX_TOKEN_LENGTH`, which verifiers take; the rest is for header, signature and base64url. */
const MAX_CLAIMS_BYTES = 5120

/** Verifiers take payloads of at most 16 levels. */
const MAX_CLAIM_DEPTH = 8

/** Issues access tokens (RFC 9068). */
export class TokenService {
  readonly #options: TokenServiceOptions

  constructor(options: TokenServiceOptions) {
    this.#options = options
  }

  /**
   * A token with which a client speaks for itself: it has no user, role or verified.
   *
   * @throws {KeyturnError} `scope_refused`
   */
  async issueToClient(client: Client, requestedScope: string | undefined): Promise<IssuedToken> {
    // what the authority itself obeys is given only to who asks for it: services see the other tokens
    const scope = requestedScope ?? client.scopes.filter((one) => !RESERVED_SCOPES.has(one)).join(' ')
    const isGranted = scope === '' || scope.split(' ').every((one) => client.scopes.includes(one))
    if (!isGranted) throw new KeyturnError('scope_refused', "expected scopes among the client's own")
    const isForAuthority = scope.split(' ').some((one) => RESERVED_SCOPES.has(one))
    const aud = isForAuthority ? authorityAudience(this.#options.issuer) : undefined
    const { clientId } = client
    return await this.#sign({ sub: clientId, client_id: clientId }, { scope, aud, ttlSeconds: undefined })
  }

  /**
   * A token with which a user speaks through the client that asked for it.
   *
   * @throws {KeyturnError} `scope_refused`, `claims_refused`, `ttl_too_long`
   */
  async issueForSubject(client: Client, request: SubjectRequest): Promise<IssuedToken> {
    const scope = request.scope ?? ''
    if (scope !== '' && !isScopeList(scope))
      throw new KeyturnError('scope_refused', 'expected a list of scopes')
    if (scope.split(' ').some((one) => RESERVED_SCOPES.has(one))) {
      throw new KeyturnError('scope_refused', 'expected no scope that is reserved for clients')
    }
    const reserved = Object.keys(request.claims).filter(isReservedClaim)
    if (reserved.length > 0) {
      const what = `expected no claim to which verifiers give a meaning: ${reserved.join(', ')}`
      throw new KeyturnError('claims_refused', what)
    }
    if (!isWithinDepth(request.claims, MAX_CLAIM_DEPTH)) {
      throw new KeyturnError('claims_refused', `expected claims of at most ${MAX_CLAIM_DEPTH} levels`)
    }
    const session = { type: 0, role: request.role === 'admin' ? 2 : 1, verified: request.verified }
    const claims = { ...request.claims, sub: request.subject, client_id: client.clientId, ...session }
    return await this.#sign(claims, { scope, aud: request.audience, ttlSeconds: request.ttlSeconds })
  }

  async #sign(
    own: object,
    asked: { scope: string; aud: string | readonly string[] | undefined; ttlSeconds: number | undefined },
  ): Promise<IssuedToken> {
    const { keys, issuer, audience, onIssued } = this.#options
    const scope = asked.scope === '' ? undefined : asked.scope
    const claims = {
      ...own,
      iss: issuer,
      aud: asked.aud ?? audience,
      jti: randomUUID(),
      ...(scope && { scope }),
    }
    if (Buffer.byteLength(JSON.stringify(claims)) > MAX_CLAIMS_BYTES) {
      throw new KeyturnError('claims_refused', `expected claims of at most ${MAX_CLAIMS_BYTES} bytes`)
    }
    // a default that could not be promised yet, since the disk is full, is no reason to issue nothing
    const ttlSeconds = asked.ttlSeconds ?? Math.min(this.#options.ttlSeconds, keys.maxTtlSeconds)
    if (ttlSeconds > this.#options.maxTtlSeconds) {
      throw new KeyturnError(
        'ttl_too_long',
        `expected a lifetime of at most ${this.#options.maxTtlSeconds} seconds`,
      )
    }
    const startedAt = performance.now()
    const token = await keys.sign(claims, { ttlSeconds, typ: ACCESS_TOKEN })
    // long signatures leave less room for claims
    if (token.length > DEFAULT_MAX_TOKEN_LENGTH) {
      throw new KeyturnError(
        'claims_refused',
        `expected claims that fit into a token of ${DEFAULT_MAX_TOKEN_LENGTH} characters`,
      )
    }
    onIssued(performance.now() - startedAt)
    return { token, expiresInSeconds: ttlSeconds, scope }
  }
}

/** `aud` of tokens that only the authority takes: no service accepts one, and one that sees it cannot mint with it. */
export function authorityAudience(issuer: string): string {
  return urlBelow(issuer, '/v1')
}

/** Goes no deeper than it may, whatever the caller has nested. */
function isWithinDepth(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return depth > 0 && Object.values(value).every((member) => isWithinDepth(member, depth - 1))
}
