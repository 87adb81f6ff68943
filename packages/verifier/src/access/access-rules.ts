import { assertNames, KeyturnError, type Session } from '@keyturn/core'

/** Who may pass, beyond having a good token. */
export interface AccessRules {
  /** The token must have all of these scopes. Default: none. */
  readonly scopes?: readonly string[]
  /**
   * Which kinds of session may pass. Default: both; but users only where `roles` or `requireVerified` asks for what clients
   * do not have.
   */
  readonly kinds?: readonly Session['kind'][]
  /** A user must have one of these roles. Default: any. */
  readonly roles?: readonly NonNullable<Session['role']>[]
  /** A user must be verified. Default `false`. */
  readonly requireVerified?: boolean
}

/** Which rule a session does not meet. */
export type AccessRefusalCode = 'session_kind_refused' | 'user_unverified' | 'role_refused' | 'scope_missing'

const RULES = ['scopes', 'kinds', 'roles', 'requireVerified']
const KINDS: readonly unknown[] = ['user', 'client'] satisfies Session['kind'][]
const ROLES: readonly unknown[] = ['user', 'admin'] satisfies Session['role'][]
/** `scope-token` of RFC 6749, section 3.3. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/** The first rule that keeps a session out; `undefined` when it may pass. */
export function accessRefusal(rules: AccessRules, session: Session): AccessRefusalCode | undefined {
  const { kinds = kindsMeantBy(rules), roles, scopes = [] } = rules
  if (!kinds.includes(session.kind)) return 'session_kind_refused'
  if (session.kind === 'user') {
    if (rules.requireVerified === true && !session.verified) return 'user_unverified'
    if (roles !== undefined && !roles.includes(session.role)) return 'role_refused'
  }
  return scopes.every((scope) => session.scopes.includes(scope)) ? undefined : 'scope_missing'
}

/**
 * Refuses rules that mean nothing, or something else than they seem to.
 *
 * @param others - Names that may stand beside the rules.
 * @throws {KeyturnError} `guard_options_invalid`
 */
export function assertAccessRules(rules: AccessRules, others: readonly string[] = []): void {
  assertNames(rules, [...RULES, ...others], 'guard_options_invalid', 'no option of a guard')
  const { scopes, kinds, roles, requireVerified } = rules
  assert(isUnsetOr(scopes, isScope), 'scopes', 'a list of scopes')
  assert(
    isUnsetOr(kinds, (kind) => KINDS.includes(kind)) && kinds?.length !== 0,
    'kinds',
    'user, client or both',
  )
  assert(
    isUnsetOr(roles, (role) => ROLES.includes(role)) && roles?.length !== 0,
    'roles',
    'user, admin or both',
  )
  assert(
    requireVerified === undefined || typeof requireVerified === 'boolean',
    'requireVerified',
    'a boolean',
  )
  const asksForUsers = roles !== undefined || requireVerified === true
  assert(
    !asksForUsers || kinds === undefined || kinds.includes('user'),
    'kinds',
    'user beside roles and requireVerified',
  )
}

function kindsMeantBy({ roles, requireVerified }: AccessRules): readonly Session['kind'][] {
  return roles !== undefined || requireVerified === true ? ['user'] : ['user', 'client']
}

function isScope(value: unknown): boolean {
  return typeof value === 'string' && SCOPE.test(value)
}

function isUnsetOr(value: unknown, holds: (item: unknown) => boolean): boolean {
  return value === undefined || (Array.isArray(value) && value.every(holds))
}

function assert(holds: boolean, option: string, expected: string): void {
  if (!holds) throw new KeyturnError('guard_options_invalid', `${option}: expected ${expected}`)
}
