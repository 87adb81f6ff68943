import { describe, expect, it } from 'vitest'
import { accept, checkerWith, issue, NOW_SECONDS } from './issuer.fixture.ts'
import type { JsonObject } from './json.ts'
import { sessionOf } from './session.ts'

const session = (claims: JsonObject, expectations = {}) =>
  sessionOf(accept(issue({ claims }), { checker: checkerWith(expectations) }))
const user = { type: 0, role: 1, verified: false }

describe('sessionOf (R23, R24)', () => {
  it('gives the user of a token that carries the session claims', () => {
    expect(session({ ...user, scope: 'a b' })).toMatchObject({
      kind: 'user',
      userId: 'user-1',
      role: 'user',
      verified: false,
      tokenId: 'token-1',
      clientId: 'client-1',
      scopes: ['a', 'b'],
      expiresAt: (NOW_SECONDS + 600) * 1000,
    })
  })

  it('tells an admin', () => {
    expect(session({ ...user, role: 2, verified: true })).toMatchObject({ role: 'admin', verified: true })
  })

  it('gives no user for a token that a client got for itself', () => {
    expect(session({})).toMatchObject({
      kind: 'client',
      userId: undefined,
      role: undefined,
      verified: undefined,
    })
  })

  it('gives no user for a token without sub', () => {
    const open = { requiredClaims: [] }
    expect(session({ ...user, role: 2, sub: undefined }, open)).toMatchObject({
      kind: 'client',
      role: undefined,
    })
  })

  it.each([
    [undefined, []],
    ['', []],
    [' ', []],
    ['a', ['a']],
    [' a  b ', ['a', 'b']],
    ['a\tb', ['a\tb']],
  ])('splits the scope %j', (scope, scopes) => expect(session({ scope }).scopes).toEqual(scopes))

  it('is frozen', () => {
    for (const it of [session({}), session(user)]) {
      expect([Object.isFrozen(it), Object.isFrozen(it.scopes), Object.isFrozen(it.claims)]).toEqual([
        true,
        true,
        true,
      ])
    }
  })
})
