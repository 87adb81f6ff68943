import type { BearerOptions } from '@keyturn/verifier'
import type { TestIssuer } from './test-issuer.ts'

/** A token that is refused, by what is asked for and what it says. */
export const REFUSED_TOKENS: readonly {
  readonly name: string
  readonly options?: BearerOptions
  readonly token: (issuer: TestIssuer) => Promise<string>
  readonly status: 401 | 403
  readonly code: string
}[] = [
  { name: 'a forged token', token: (it) => it.forgedToken(), status: 401, code: 'signature_invalid' },
  { name: 'an expired token', token: (it) => it.expiredToken(), status: 401, code: 'token_expired' },
  {
    name: 'a token for somebody else',
    token: (it) => it.token({ aud: 'https://other.test' }),
    status: 401,
    code: 'audience_mismatch',
  },
  {
    name: 'a token of another kind',
    token: (it) => it.token({}, { typ: 'jwt' }),
    status: 401,
    code: 'header_typ_refused',
  },
  { name: 'what is no token', token: async () => 'opaque', status: 401, code: 'token_malformed' },
  {
    name: 'a token that lacks one of two scopes',
    options: { scopes: ['orders:read', 'orders:write'] },
    token: (it) => it.token({ scope: 'orders:read' }),
    status: 403,
    code: 'scope_missing',
  },
  {
    name: 'a user who is not verified',
    options: { requireVerified: true },
    token: (it) => it.token({ verified: false }),
    status: 403,
    code: 'user_unverified',
  },
  {
    name: 'a user of another role',
    options: { roles: ['admin'] },
    token: (it) => it.token({ role: 1 }),
    status: 403,
    code: 'role_refused',
  },
  {
    name: 'a client where a role is asked for',
    options: { roles: ['user', 'admin'] },
    token: (it) => it.clientToken(),
    status: 401,
    code: 'session_kind_refused',
  },
  {
    name: 'a client where verified users are asked for',
    options: { requireVerified: true },
    token: (it) => it.clientToken(),
    status: 401,
    code: 'session_kind_refused',
  },
]

/** A token that passes. */
export const ADMITTED_TOKENS: readonly {
  readonly name: string
  readonly options: BearerOptions
  readonly token: (issuer: TestIssuer) => Promise<string>
  readonly who: string
}[] = [
  { name: 'a user', options: {}, token: (it) => it.token({ sub: 'alice' }), who: 'alice' },
  { name: 'a client', options: {}, token: (it) => it.clientToken(), who: 'client-1' },
  {
    name: 'a verified admin with the scopes',
    options: { scopes: ['a', 'b'], roles: ['admin'], requireVerified: true },
    token: (it) => it.token({ sub: 'root', role: 2, verified: true, scope: 'b a c' }),
    who: 'root',
  },
  {
    name: 'a client beside verified users, when that is said',
    options: { kinds: ['user', 'client'], requireVerified: true },
    token: (it) => it.clientToken(),
    who: 'client-1',
  },
]

/** Each is refused as malformed; `good` is a good token. */
export const MALFORMED_HEADERS: readonly {
  readonly name: string
  readonly headers: (good: string) => readonly string[]
}[] = [
  { name: 'no token after the scheme', headers: () => ['Bearer'] },
  { name: 'two tokens', headers: (good) => [`Bearer ${good} ${good}`] },
  { name: 'a token in quotes', headers: (good) => [`Bearer "${good}"`] },
  { name: 'two headers', headers: (good) => [`Bearer ${good}`, `Bearer ${good}`] },
  { name: 'a header behind another', headers: (good) => ['Basic eDp5', `Bearer ${good}`] },
  { name: 'a header before another', headers: (good) => [`Bearer ${good}`, 'Basic eDp5'] },
]
