import type { ClientSession, Session, UserSession } from '@keyturn/core'
import { describe, expect, it } from 'vitest'
import { type AccessRules, accessRefusal, assertAccessRules } from './access-rules.ts'

const base = { tokenId: 't', clientId: 'c', scopes: ['read', 'list'], expiresAt: 0, claims: {} as never }
const who: UserSession = { ...base, kind: 'user', userId: 'alice', role: 'user', verified: true }
const user: Session = who
const admin: Session = { ...who, role: 'admin' }
const unverified: Session = { ...who, verified: false }
const client: ClientSession = {
  ...base,
  kind: 'client',
  userId: undefined,
  role: undefined,
  verified: undefined,
}
const both = ['user', 'client'] as const

describe('rules on who may pass (R43)', () => {
  it.each<[AccessRules, string, string, string, string]>([
    // rules, and what becomes of a user, an admin, an unverified user and a client
    [{}, 'passes', 'passes', 'passes', 'passes'],
    [{ kinds: ['user'] }, 'passes', 'passes', 'passes', 'session_kind_refused'],
    [{ kinds: ['client'] }, ...of3('session_kind_refused'), 'passes'],
    [{ requireVerified: true }, 'passes', 'passes', 'user_unverified', 'session_kind_refused'],
    [{ requireVerified: true, kinds: both }, 'passes', 'passes', 'user_unverified', 'passes'],
    [{ requireVerified: false }, 'passes', 'passes', 'passes', 'passes'],
    [{ roles: ['admin'] }, 'role_refused', 'passes', 'role_refused', 'session_kind_refused'],
    [{ roles: ['admin'], kinds: both }, 'role_refused', 'passes', 'role_refused', 'passes'],
    [{ roles: ['user', 'admin'] }, 'passes', 'passes', 'passes', 'session_kind_refused'],
    [{ scopes: [] }, 'passes', 'passes', 'passes', 'passes'],
    [{ scopes: ['list', 'read'] }, 'passes', 'passes', 'passes', 'passes'],
    [{ scopes: ['read', 'write'] }, ...of3('scope_missing'), 'scope_missing'],
    [{ scopes: ['rea'] }, ...of3('scope_missing'), 'scope_missing'],
    [
      { roles: ['admin'], scopes: ['write'], kinds: both },
      'role_refused',
      ...of3('scope_missing', 'role_refused'),
    ],
  ])('%j', (rules, ...expected) => {
    const outcomes = [user, admin, unverified, client].map(
      (session) => accessRefusal(rules, session) ?? 'passes',
    )
    expect(outcomes).toEqual(expected)
  })
})

describe('rules that mean nothing, or something else than they seem to (R43)', () => {
  const refusal = (rules: object, others?: readonly string[]) => {
    try {
      assertAccessRules(rules, others)
    } catch (error) {
      return error
    }
    return undefined
  }

  it.each([
    ['scopes', 'read', 'a list of scopes'],
    ['scopes', null, 'a list of scopes'],
    ['scopes', [7], 'a list of scopes'],
    ...['', 'a b', 'a"', 'a\\', 'a\u007f', 'ä', 'a\n'].map((scope) => [
      'scopes',
      ['read', scope],
      'a list of scopes',
    ]),
    ['kinds', 'user', 'user, client or both'],
    ['kinds', ['user', 'users'], 'user, client or both'],
    ['kinds', [], 'user, client or both'],
    ['roles', 'admin', 'user, admin or both'],
    ['roles', ['user', 'root'], 'user, admin or both'],
    ['roles', [], 'user, admin or both'],
    ['requireVerified', 'no', 'a boolean'],
    ['requireVerified', null, 'a boolean'],
  ] as [string, unknown, string][])('are refused: %s as %j', (option, value, expected) => {
    expect(refusal({ [option]: value })).toMatchObject({
      code: 'guard_options_invalid',
      message: `${option}: expected ${expected}`,
    })
  })

  it.each([
    { kinds: ['client'], roles: ['admin'] },
    { kinds: ['client'], requireVerified: true },
  ] as AccessRules[])('are refused where they ask for what those who may pass do not have: %j', (rules) => {
    expect(refusal(rules)).toMatchObject({ message: 'kinds: expected user beside roles and requireVerified' })
  })

  it.each([
    {},
    { kinds: ['client'], requireVerified: false },
    { scopes: undefined, kinds: undefined, roles: undefined, requireVerified: undefined },
    { scopes: [], kinds: ['user'], roles: ['admin'], requireVerified: false },
    {
      scopes: ['orders:read', '!#[]~'],
      kinds: ['user', 'client'],
      roles: ['user', 'admin'],
      requireVerified: true,
    },
  ])('are taken otherwise: %j', (rules) => expect(refusal(rules)).toBeUndefined())

  it('are refused under another name, but for the names that a guard adds', () => {
    expect(refusal({ scope: ['read'] })).toMatchObject({
      code: 'guard_options_invalid',
      message: '"scope" is no option of a guard',
      remedy: 'did you mean scopes?',
    })
    expect(refusal({ realm: 'orders' })).toMatchObject({ code: 'guard_options_invalid' })
    expect(refusal({ realm: 'orders' }, ['realm'])).toBeUndefined()
  })
})

function of3(outcome: string, middle = outcome): [string, string, string] {
  return [outcome, middle, outcome]
}
