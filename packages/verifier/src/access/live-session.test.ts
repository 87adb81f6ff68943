import { testIssuer } from '@keyturn/testing'
import { describe, expect, it, vi } from 'vitest'
import { createMultiVerifier } from '../multi-verifier.ts'
import { openVerifier } from '../open-verifier.fixture.ts'
import type { TokenVerifier } from '../token-verifier.ts'
import type { VerifierOptions } from '../verifier-options.ts'
import { type BearerOptions, type BearerOutcome, bearerGuard } from './bearer.ts'
import { LiveSession } from './live-session.ts'

/** A connection that somebody has come through with that token. */
async function live(verifier: TokenVerifier, jwt: string, rules: BearerOptions = {}) {
  const guard = bearerGuard(verifier, rules)
  const admission = await guard.decideOnToken(jwt)
  if (admission.refusal !== undefined) throw new Error(`expected to be let in, not ${admission.refusal.code}`)
  const ends: string[] = []
  const session = new LiveSession({ verifier, guard, admission, onEnd: ({ code }) => ends.push(code) })
  return { session, ends }
}

async function scene(rules: BearerOptions = {}, options: Partial<VerifierOptions> = {}) {
  const opened = await openVerifier(options)
  const user = (claims: object = {}) => opened.issuer.token({ sub: 'alice', ...claims })
  return { ...opened, user, ...(await live(opened.verifier, await user({ jti: 'first' }), rules)) }
}

const said = (outcome: BearerOutcome) => outcome.refusal?.code ?? 'renewed'

describe('a session that outlives its token (R43)', () => {
  it('is that of the token in force', async () => {
    const { session, user } = await scene()
    expect(session.session).toMatchObject({ userId: 'alice', tokenId: 'first' })
    const outcome = await session.renew(await user({ jti: 'second', scope: 'more' }))
    expect(outcome).toMatchObject({ session: { tokenId: 'second', scopes: ['more'] } })
    expect(session.session).toMatchObject({ userId: 'alice', tokenId: 'second', scopes: ['more'] })
  })

  it('ends with the token in force, and not with the one before', async () => {
    const { session, user, clock, ends } = await scene()
    await clock.advance(3000_000)
    expect(said(await session.renew(await user()))).toBe('renewed')
    await clock.advance(3604_999)
    expect(ends).toEqual([])
    await clock.advance(1)
    expect(ends).toEqual(['token_expired'])
    for (const token of [await user(), 'opaque'])
      expect(said(await session.renew(token))).toBe('session_over')
  })

  it.each([
    ['another user', { sub: 'bob' }, 'caller_changed'],
    ['another client', { client_id: 'other' }, 'caller_changed'],
    [
      'a client of the same name',
      { type: undefined, role: undefined, verified: undefined },
      'caller_changed',
    ],
    ['who may do less than is asked for', { scope: 'other' }, 'scope_missing'],
    ['who is expected elsewhere', { aud: 'other' }, 'audience_mismatch'],
  ])('is not taken over by %s: the token in force stays so', async (_, claims, code) => {
    const { session, user, clock, ends } = await scene({ scopes: ['read'] })
    await clock.advance(3000_000)
    expect(said(await session.renew(await user(claims)))).toBe(code)
    expect(session.session.tokenId).toBe('first')
    await clock.advance(605_000)
    expect(ends).toEqual(['token_expired'])
  })

  it('is not taken over by who has the same name with another issuer', async () => {
    const [staff, customers] = await Promise.all(
      ['https://staff.test', 'https://customers.test'].map((issuer) => testIssuer({ issuer })),
    )
    if (staff === undefined || customers === undefined) return
    const verifier = createMultiVerifier([staff.verifierOptions, customers.verifierOptions])
    const { session } = await live(verifier, await staff.token())
    expect(said(await session.renew(await customers.token()))).toBe('caller_changed')
    expect(said(await session.renew(await staff.token()))).toBe('renewed')
    session.close()
    verifier.close()
  })

  it('looks at one token at a time, and at the next one after that', async () => {
    const { session, user } = await scene()
    const [first, second] = [await user(), await user()]
    const renewing = session.renew(first)
    expect(said(await session.renew(second))).toBe('authentication_pending')
    expect(said(await renewing)).toBe('renewed')
    expect(said(await session.renew('opaque'))).toBe('token_malformed')
    expect(said(await session.renew(await user()))).toBe('renewed')
  })

  it('looks at the next one also after a bug, which is a warning and no more', async () => {
    let isBroken = false
    const check = () => {
      if (isBroken) throw new RangeError('a secret')
      return true
    }
    const { session, user } = await scene({}, { check })
    const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    isBroken = true
    const outcome = await session.renew(await user())
    isBroken = false
    expect(outcome).toEqual({
      refusal: { status: 500, code: 'internal_error', detail: 'something went wrong here', headers: {} },
    })
    expect(JSON.stringify(warnings.mock.calls)).toMatch(
      /a guard failed while it looked at a token.*KEYTURN_GUARD/,
    )
    warnings.mockRestore()
    expect(said(await session.renew(await user()))).toBe('renewed')
  })

  it('is over when its connection goes: nothing is told, no timer stays, and no token revives it', async () => {
    const { session, user, clock, ends } = await scene()
    const timers = clock.pendingTimers
    const token = await user()
    const renewing = session.renew(token)
    session.close()
    session.close()
    expect(said(await renewing)).toBe('session_over')
    expect(said(await session.renew(await user()))).toBe('session_over')
    expect(clock.pendingTimers).toBe(timers - 1)
    await clock.advance(3605_000)
    expect(ends).toEqual([])
  })

  it('leaves one timer, however often it is renewed', async () => {
    const { session, user, clock } = await scene()
    const timers = clock.pendingTimers
    for (let time = 0; time < 3; time++) await session.renew(await user())
    expect(clock.pendingTimers).toBe(timers)
  })
})
