import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { jsonOf, type RunningAuthority, runAuthority } from './running-authority.ts'

let authority: RunningAuthority
beforeAll(async () => {
  authority = await runAuthority()
})
afterAll(() => authority.close())

const clientToken = async (scope = '&scope=tokens:issue') => {
  const response = await authority.askForToken(`grant_type=client_credentials${scope}`)
  return `Bearer ${(await jsonOf(response)).access_token}`
}

const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth))

describe('tokens for users (R23, R48)', () => {
  it('carry who the user is, through whom, and what it may', async () => {
    const asked = {
      subject: 'u1',
      role: 'admin',
      verified: true,
      scope: 'a b',
      audience: ['x', 'y'],
      ttlSeconds: 60,
    }
    const response = await authority.askForSubject({
      ...asked,
      description: 'laptop',
      claims: { tenant: 't1' },
    })
    expect(response.status).toBe(201)
    expect(response.headers.get('cache-control')).toBe('no-store')
    const { access_token: token, ...rest } = await jsonOf(response)
    expect(rest).toEqual({ token_type: 'Bearer', expires_in: 60, scope: 'a b' })
    expect(decodeJwt(String(token))).toMatchObject({
      ...{ iss: authority.issuer, sub: 'u1', aud: ['x', 'y'], client_id: authority.clientId, scope: 'a b' },
      ...{ type: 0, role: 2, verified: true, tenant: 't1', jti: expect.any(String) },
    })
  })

  it('are for an unverified user of the default audience when nothing else is said', async () => {
    const { access_token: token } = await jsonOf(await authority.askForSubject({ subject: 'u1' }))
    expect(decodeJwt(String(token))).toMatchObject({ role: 1, verified: false, aud: authority.issuer })
    expect(decodeJwt(String(token))).not.toHaveProperty('scope')
  })

  it.each(['山田　太郎', 'می‌خواهم', 'क्‍ष', 'Zoë O’Hara', '❤️‍🔥', 'u\u00a0v'])(
    'are for whoever is spelt so: %s',
    async (subject) => {
      const { access_token: token } = await jsonOf(await authority.askForSubject({ subject }))
      expect(decodeJwt(String(token)).sub).toBe(subject)
    },
  )

  it('are given to a client by its own token as well', async () => {
    expect((await authority.askForSubject({ subject: 'u1' }, await clientToken())).status).toBe(201)
  })

  it.each([
    ['no subject', {}, 'request_invalid'],
    ['an empty subject', { subject: '' }, 'request_invalid'],
    ['a subject of two lines', { subject: 'u\nlevel=error' }, 'request_invalid'],
    ['a subject with an end of text', { subject: 'u\0' }, 'request_invalid'],
    ['a subject that a terminal obeys', { subject: 'u\u001b[2K' }, 'request_invalid'],
    ['a subject that hides a character', { subject: 'u\u200b' }, 'request_invalid'],
    ['a subject that hides a letter', { subject: 'u\u3164' }, 'request_invalid'],
    ['a subject of nothing that shows', { subject: '\u200d\ufe0f' }, 'request_invalid'],
    ['a subject of a space', { subject: ' ' }, 'request_invalid'],
    ['a subject that ends with a joiner', { subject: 'alice\u200c' }, 'request_invalid'],
    ['a claim whose name hides a joiner', { subject: 'u', claims: { 'is\u200cs': 1 } }, 'request_invalid'],
    [
      'a number that would be another',
      '{"subject":"u","claims":{"account":9007199254740993}}',
      'request_malformed',
    ],
    ['a subject that turns its direction', { subject: '\u202eu' }, 'request_invalid'],
    ['a subject of two paragraphs', { subject: 'u\u2029v' }, 'request_invalid'],
    ['an audience of two lines', { subject: 'u', audience: 'a\r\nb' }, 'request_invalid'],
    ['such an audience among others', { subject: 'u', audience: ['a', 'a\u0085'] }, 'request_invalid'],
    ['a description of two lines', { subject: 'u', description: 'a\nb' }, 'request_invalid'],
    ['a claim whose name has two lines', { subject: 'u', claims: { 'a\nb': 1 } }, 'request_invalid'],
    ['a number as subject', { subject: 1 }, 'request_invalid'],
    ['another role', { subject: 'u', role: 'root' }, 'request_invalid'],
    ['verified as text', { subject: 'u', verified: 'true' }, 'request_invalid'],
    ['a member that means nothing', { subject: 'u', rol: 'admin' }, 'request_invalid'],
    ['a fraction of a second', { subject: 'u', ttlSeconds: 0.5 }, 'request_invalid'],
    ['no lifetime', { subject: 'u', ttlSeconds: 0 }, 'request_invalid'],
    ['a longer lifetime than promised', { subject: 'u', ttlSeconds: 3601 }, 'ttl_too_long'],
    ['no audience', { subject: 'u', audience: [] }, 'request_invalid'],
    ['a scope of the authority', { subject: 'u', scope: 'a tokens:issue' }, 'scope_refused'],
    ['a scope with a quote', { subject: 'u', scope: 'a"b' }, 'scope_refused'],
    ['two spaces in the scope', { subject: 'u', scope: 'a  b' }, 'scope_refused'],
    ['an array', [], 'request_malformed'],
    ['text', '"x"', 'request_malformed'],
    ['no JSON', '{', 'request_malformed'],
    ['a prototype', '{"subject":"u","__proto__":{}}', 'request_malformed'],
    ['claims as array', { subject: 'u', claims: [] }, 'request_invalid'],
    ['claims that are nested too deep', { subject: 'u', claims: { x: nested(9) } }, 'claims_refused'],
    ['claims beyond the limit', { subject: 'u', claims: { x: 'y'.repeat(6000) } }, 'claims_refused'],
  ])('refuses %s', async (_, body, code) => {
    const response = await authority.askForSubject(body)
    expect([response.status, await jsonOf(response)]).toMatchObject([400, { code }])
    expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/)
  })

  it.each('iss sub aud client_id scope type role verified groups acr sid scp'.split(' '))(
    'refuses the claim %s, which means something to verifiers',
    async (claim) => {
      const response = await authority.askForSubject({ subject: 'u', claims: { [claim]: 1 } })
      expect([response.status, await jsonOf(response)]).toMatchObject([400, { code: 'claims_refused' }])
    },
  )
})

describe('tokens for users through nobody else (R24, R68, R70, R73)', () => {
  const refused = async (authorization: string) => {
    const response = await authority.askForSubject({ subject: 'u' }, authorization)
    return [response.status, (await jsonOf(response)).code]
  }

  it('refuses a user who presents a token of its own', async () => {
    const { access_token: token } = await jsonOf(
      await authority.askForSubject({ subject: 'u', role: 'admin', audience: `${authority.issuer}/v1` }),
    )
    expect(await refused(`Bearer ${token}`)).toEqual([401, 'token_refused'])
  })

  it('refuses a client token without the scope', async () => {
    expect(await refused(await clientToken('&scope=keys:admin'))).toEqual([401, 'token_refused'])
  })

  it('refuses a token for another audience', async () => {
    const other = await authority.askForSubject({ subject: 'u', audience: 'other' })
    expect(await refused(`Bearer ${(await jsonOf(other)).access_token}`)).toEqual([401, 'audience_mismatch'])
  })

  it('refuses a token that was changed, and credentials of every other shape', async () => {
    const token = await clientToken()
    // not its end, which may be that already
    const other = token.at(-10) === 'A' ? 'B' : 'A'
    expect(await refused(`${token.slice(0, -10)}${other}${token.slice(-9)}`)).toMatchObject([
      401,
      expect.stringMatching(/^signature_/),
    ])
    expect(await refused('Bearer')).toEqual([401, 'token_malformed'])
    expect(await refused(`Bearer ${authority.secret}`)).toEqual([401, 'token_malformed'])
    expect(await refused('Basic eA==')).toEqual([401, 'client_refused'])
    expect(await refused('')).toEqual([401, 'client_refused'])
  })
})
