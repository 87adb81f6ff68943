import { KeysUnavailable, type Session, TokenRejected } from '@keyturn/core'
import type { Verifier } from './verifier.ts'

/** What a protected resource asks of a request. */
export interface BearerOptions {
  /** The token must have all of these scopes. Default: none. */
  readonly scopes?: readonly string[]
  /** Which kinds of session may pass. Default: both. */
  readonly kinds?: readonly Session['kind'][]
  /** Names the protected space in `WWW-Authenticate`. Default `keyturn`. */
  readonly realm?: string
}

/** A refusal in the terms of RFC 6750, section 3.1, ready to be sent. */
export interface BearerRefusal {
  readonly status: 400 | 401 | 403 | 503
  readonly code: string
  readonly detail: string
  readonly headers: Readonly<Record<string, string>>
}

const CREDENTIALS = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i

/**
 * Decides on the `Authorization` header of a request. The query string is never looked at: it ends up in logs. Errors that
 * are neither about the token nor about the keys are bugs, and thrown.
 *
 * @param authorization - All values of the header.
 */
export async function authenticateBearer(
  verifier: Verifier,
  authorization: readonly string[],
  options: BearerOptions = {},
): Promise<{ readonly session: Session } | { readonly refusal: BearerRefusal }> {
  if (!authorization.some((value) => /^Bearer\b/i.test(value)))
    return { refusal: refuse(options, 401, 'token_missing') }
  const [value = ''] = authorization
  const token = authorization.length === 1 ? CREDENTIALS.exec(value)?.[1] : undefined
  if (token === undefined)
    return { refusal: refuse(options, 400, 'authorization_malformed', 'invalid_request') }
  try {
    const session = verifier.session(await verifier.verify(token))
    if (options.kinds?.includes(session.kind) === false) {
      return { refusal: refuse(options, 401, 'session_kind_refused', 'invalid_token') }
    }
    const isAllowed = options.scopes?.every((scope) => session.scopes.includes(scope)) ?? true
    return isAllowed ? { session } : { refusal: refuse(options, 403, 'scope_missing', 'insufficient_scope') }
  } catch (error) {
    if (error instanceof TokenRejected) return { refusal: refuse(options, 401, error.code, 'invalid_token') }
    if (error instanceof KeysUnavailable) return { refusal: unavailable(error) }
    throw error
  }
}

const DETAILS: Readonly<Record<string, string>> = Object.freeze({
  token_missing: 'a Bearer token is needed',
  authorization_malformed: 'expected one Authorization header with one Bearer token',
  session_kind_refused: 'this kind of token is not accepted here',
  scope_missing: 'the token lacks a scope',
})

function refuse(
  options: BearerOptions,
  status: 400 | 401 | 403,
  code: string,
  error?: string,
): BearerRefusal {
  const detail = DETAILS[code] ?? 'the token is not accepted'
  const realm = (options.realm ?? 'keyturn').replace(/["\\]/g, '\\$&')
  const parts = [`realm="${realm}"`]
  if (error !== undefined) parts.push(`error="${error}"`, `error_description="${code}"`)
  if (error === 'insufficient_scope') parts.push(`scope="${options.scopes?.join(' ')}"`)
  return { status, code, detail, headers: { 'www-authenticate': `Bearer ${parts.join(', ')}` } }
}

function unavailable(error: KeysUnavailable): BearerRefusal {
  return {
    status: 503,
    code: error.code,
    detail: 'the token cannot be checked now',
    headers: { 'retry-after': String(error.retryAfterSeconds) },
  }
}
