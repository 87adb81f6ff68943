/**
 * Claims that no caller may add to a token, since verifiers give them a meaning that only the authority can vouch for: those
 * that the authority sets, and those that say how, when and with what a user has authenticated, what it may do, or that the
 * token is one of another kind. The IANA registry of JSON Web Token Claims names them, but for those of a session and `scp`.
 */
export const RESERVED_CLAIMS: readonly string[] = Object.freeze(
  [
    // RFC 7519
    'iss sub aud exp nbf iat jti',
    // a session of ours
    'type role verified',
    // RFC 9068, and the name that other authorities have for scope
    'client_id scope scp auth_time acr amr roles groups entitlements',
    // delegation, possession, rich authorization, status: RFC 8693, RFC 7800, RFC 9396, Token Status List
    'act may_act cnf authorization_details status',
    // marks of ID tokens, logout tokens, security events and introspection answers
    'azp nonce at_hash c_hash s_hash sid sub_jwk events token_introspection',
    // who else vouches for claims, or how well a user is known: OpenID Connect Core, RFC 9493, RFC 8485
    '_claim_names _claim_sources sub_id vot vtm',
    // a header member in the wrong place
    'typ',
  ].flatMap((names) => names.split(' ')),
)

const RESERVED: ReadonlySet<string> = new Set(RESERVED_CLAIMS)

/** Says whether a caller may not name this claim. */
export function isReservedClaim(claim: string): boolean {
  return RESERVED.has(claim)
}
