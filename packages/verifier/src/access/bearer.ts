import {
  KeysUnavailable,
  KeyturnError,
  ownOptions,
  type Session,
  TokenRejected,
  type VerifiedToken,
  warnOfFailure,
} from '@keyturn/core'
import type { TokenVerifier } from '../token-verifier.ts'
import { type AccessRules, accessRefusal, assertAccessRules } from './access-rules.ts'

/** What a protected resource asks of a request. */
export interface BearerOptions extends AccessRules {
  /** Names the protected space in `WWW-Authenticate`. Default `keyturn`. */
  readonly realm?: string
}

/** Who may pass, and by which token. */
export interface BearerAdmission {
  readonly session: Session
  readonly token: VerifiedToken
  readonly refusal?: undefined
}

/** A refusal in the terms of RFC 6750, section 3.1, ready to be sent. */
export interface BearerRefusal {
  /** 500 where `check` failed, and no error handler of a framework can be asked. */
  readonly status: 400 | 401 | 403 | 500 | 503
  readonly code: string
  readonly detail: string
  readonly headers: Readonly<Record<string, string>>
}

/** What was decided on somebody who came with a Bearer token, or without one. */
export type BearerOutcome = BearerAdmission | BearerDenial

/** Why somebody may not pass. */
export interface BearerDenial {
  readonly refusal: BearerRefusal
  readonly session?: undefined
  readonly token?: undefined
}

const CREDENTIALS = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i
/** Also behind other credentials, as where several headers have been joined to one. */
const MEANS_BEARER = /(?:^|, *)Bearer\b/i

/** Says whether it is a refusal by what it holds itself, whatever was put into every object of the process. */
export function isRefusal(outcome: BearerOutcome): outcome is BearerDenial {
  return Object.hasOwn(outcome, 'refusal')
}

/**
 * Decides on the `Authorization` header of a request. The query string is never looked at: it ends up in logs. Errors that
 * are neither about the token nor about the keys are bugs, and thrown.
 *
 * @param authorization - All values of the header.
 * @throws {KeyturnError} `guard_options_invalid`
 */
export async function authenticateBearer(
  verifier: TokenVerifier,
  authorization: readonly string[],
  options: BearerOptions = {},
): Promise<BearerOutcome> {
  return await bearerGuard(verifier, options).decide(authorization)
}

/** Decides by rules that were looked at, and copied, once: what is put into every object of the process later is none of them. */
export interface BearerGuard {
  /** See {@link authenticateBearer}. */
  decide(authorization: readonly string[]): Promise<BearerOutcome>
  /** As {@link BearerGuard.decide}, for a token that has come by itself. */
  decideOnToken(jwt: unknown): Promise<BearerOutcome>
  /** A refusal by its code. */
  refused(code: string): BearerDenial
}

/** @throws {KeyturnError} `guard_options_invalid` */
export function bearerGuard(verifier: TokenVerifier, options: BearerOptions): BearerGuard {
  if (typeof verifier?.verify !== 'function') {
    throw new KeyturnError('guard_options_invalid', 'verifier: expected what createVerifier makes')
  }
  const rules = ownOptions(options, 'guard_options_invalid')
  assertAccessRules(rules, ['realm'])
  const { scopes, kinds, roles } = rules
  Object.assign(rules, {
    scopes: scopes && [...scopes],
    kinds: kinds && [...kinds],
    roles: roles && [...roles],
  })
  const { realm = 'keyturn' } = rules
  if (typeof realm !== 'string' || !/^[\x20-\x7e]*$/.test(realm)) {
    throw new KeyturnError('guard_options_invalid', 'realm: expected printable ASCII')
  }
  const space = `Bearer realm="${realm.replace(/["\\]/g, '\\$&')}"`

  const guard: BearerGuard = {
    async decide(authorization) {
      if (!authorization.some((value) => MEANS_BEARER.test(value))) return guard.refused('token_missing')
      const [value = ''] = authorization
      const token = authorization.length === 1 ? CREDENTIALS.exec(value)?.[1] : undefined
      return token === undefined ? guard.refused('authorization_malformed') : await guard.decideOnToken(token)
    },

    async decideOnToken(jwt) {
      try {
        const token = await verifier.verify(jwt)
        const session = verifier.session(token)
        const code = accessRefusal(rules, session)
        return code === undefined ? { session, token } : guard.refused(code)
      } catch (error) {
        if (error instanceof TokenRejected) return guard.refused(error.code)
        if (error instanceof KeysUnavailable) return { refusal: unavailable(error) }
        throw error
      }
    },

    refused(code) {
      const { status, error, detail } = TERMS.get(code) ?? OF_THE_TOKEN
      const parts = [space]
      if (error !== undefined) parts.push(`error="${error}"`, `error_description="${code}"`)
      if (code === 'scope_missing') parts.push(`scope="${rules.scopes?.join(' ')}"`)
      return { refusal: { status, code, detail, headers: { 'www-authenticate': parts.join(', ') } } }
    },
  }
  return guard
}

/**
 * What was decided where nobody but the process would hear of a bug, as of a `check` that throws. Whoever has a good token may know
 * how to bring that about, so it must not end the process: it is a refusal, and a warning with the code `KEYTURN_GUARD`.
 */
export async function orInternalError(decision: Promise<BearerOutcome>): Promise<BearerOutcome> {
  try {
    return await decision
  } catch (error) {
    warnOfFailure('a guard failed while it looked at a token', 'KEYTURN_GUARD', error)
    return { refusal: INTERNAL_ERROR }
  }
}

/** Says no more than that something failed; what it was goes to whoever runs the service. */
export const INTERNAL_ERROR: BearerRefusal = Object.freeze({
  status: 500,
  code: 'internal_error',
  detail: 'something went wrong here',
  headers: {},
})

interface RefusalTerms {
  readonly status: 400 | 401 | 403
  /** RFC 6750, section 3.1; none for who has not tried. */
  readonly error?: 'invalid_request' | 'invalid_token' | 'insufficient_scope'
  readonly detail: string
}

/** What is no matter of the token itself. */
const TERMS: ReadonlyMap<string, RefusalTerms> = new Map(
  Object.entries<RefusalTerms>({
    token_missing: { status: 401, detail: 'a Bearer token is needed' },
    authorization_malformed: {
      status: 400,
      error: 'invalid_request',
      detail: 'expected one Authorization header with one Bearer token',
    },
    subprotocol_missing: {
      status: 400,
      error: 'invalid_request',
      detail: 'expected another subprotocol beside the one that bears the token',
    },
    authentication_pending: {
      status: 400,
      error: 'invalid_request',
      detail: 'expected one token at a time',
    },
    session_over: { status: 401, error: 'invalid_token', detail: 'the session has ended' },
    session_kind_refused: {
      status: 401,
      error: 'invalid_token',
      detail: 'this kind of token is not accepted here',
    },
    caller_changed: {
      status: 403,
      error: 'insufficient_scope',
      detail: 'expected a token of the same subject and client',
    },
    user_unverified: { status: 403, error: 'insufficient_scope', detail: 'the user is not verified' },
    role_refused: { status: 403, error: 'insufficient_scope', detail: 'the user lacks a role' },
    scope_missing: { status: 403, error: 'insufficient_scope', detail: 'the token lacks a scope' },
  }),
)
const OF_THE_TOKEN: RefusalTerms = Object.freeze({
  status: 401,
  error: 'invalid_token',
  detail: 'the token is not accepted',
})

function unavailable(error: KeysUnavailable): BearerRefusal {
  return {
    status: 503,
    code: error.code,
    detail: 'the token cannot be checked now',
    headers: { 'retry-after': String(error.retryAfterSeconds) },
  }
}
