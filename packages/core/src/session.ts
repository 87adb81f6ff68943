import type { VerifiedToken } from './token.ts'

/** Who speaks, taken from a verified token: a user through a client, or a client for itself. */
export type Session = UserSession | ClientSession

/** What both kinds of session hold. */
export interface SessionBase {
  /** `jti`. */
  readonly tokenId: string | undefined
  readonly clientId: string | undefined
  /** `scope`, split (RFC 6749, section 3.3). */
  readonly scopes: readonly string[]
  /** `exp` in milliseconds since the epoch. */
  readonly expiresAt: number
  readonly claims: VerifiedToken['claims']
}

/** A token that was issued for a user. */
export interface UserSession extends SessionBase {
  readonly kind: 'user'
  /** `sub`. */
  readonly userId: string
  readonly role: 'user' | 'admin'
  readonly verified: boolean
}

/** A token that a client got for itself; it has no user, role or verified. */
export interface ClientSession extends SessionBase {
  readonly kind: 'client'
  readonly userId: undefined
  readonly role: undefined
  readonly verified: undefined
}

/**
 * Reads the session out of a verified token.
 *
 * @example
 * const session = sessionOf(await verifier.verify(jwt))
 * if (session.role === 'admin') …
 */
export function sessionOf(token: VerifiedToken): Session {
  const { claims } = token
  const base: SessionBase = {
    tokenId: claims.jti,
    clientId: claims.client_id,
    scopes: Object.freeze(claims.scope?.split(' ').filter((scope) => scope !== '') ?? []),
    expiresAt: claims.exp * 1000,
    claims,
  }
  if (claims.sub === undefined || claims.role === undefined || claims.verified === undefined) {
    return Object.freeze({ ...base, kind: 'client', userId: undefined, role: undefined, verified: undefined })
  }
  const role = claims.role === 2 ? 'admin' : 'user'
  return Object.freeze({ ...base, kind: 'user', userId: claims.sub, role, verified: claims.verified })
}
