import { createLocalJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { jsonOf, type RunningAuthority, runAuthority } from './running-authority.ts'

let authority: RunningAuthority
beforeAll(async () => {
  authority = await runAuthority()
})
afterAll(() => authority.close())

const GRANT = 'grant_type=client_credentials'
const basic = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
})

describe('tokens for clients (R23, R24, R47)', () => {
  it('are access tokens of RFC 9068, with no session claims', async () => {
    const response = await authority.askForToken(GRANT)
    expect(response.status).toBe(200)
    expect(response.headers.get('cache-control')).toBe('no-store')
    const { access_token: token, ...rest } = await jsonOf(response)
    expect(rest).toEqual({ token_type: 'Bearer', expires_in: 3600 })
    const jwks = await fetch(`${authority.url}/.well-known/jwks.json`)
    const { payload } = await jwtVerify(String(token), createLocalJWKSet((await jwks.json()) as never), {
      issuer: authority.issuer,
      audience: authority.issuer,
      typ: 'at+jwt',
    })
    const { clientId } = authority
    expect(payload).toMatchObject({ sub: clientId, client_id: clientId })
    expect(payload, 'a service that gets it must not be able to mint with it').not.toHaveProperty('scope')
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(3600)
    expect(Object.keys(payload).sort()).toEqual(['aud', 'client_id', 'exp', 'iat', 'iss', 'jti', 'sub'])
  })

  it('carry the scopes that were asked for, if the client has them', async () => {
    expect(await jsonOf(await authority.askForToken(`${GRANT}&scope=keys:admin`))).toMatchObject({
      scope: 'keys:admin',
    })
    const refused = await authority.askForToken(`${GRANT}&scope=keys:admin+other`)
    expect([refused.status, await jsonOf(refused)]).toMatchObject([400, { error: 'invalid_scope' }])
  })

  it('are given to a client that authenticates by form, or by a form-encoded header', async () => {
    const form = `${GRANT}&client_id=${authority.clientId}&client_secret=${authority.secret}`
    expect((await authority.askForToken(form, {})).status).toBe(200)
    const encoded = basic(authority.clientId.replaceAll('-', '%2D'), authority.secret.replaceAll('_', '%5F'))
    expect((await authority.askForToken(GRANT, encoded)).status).toBe(200)
  })
})

describe('tokens for nobody else (R73)', () => {
  it.each([
    ['no credentials', () => ({})],
    ['a wrong secret', () => basic(authority.clientId, 'wrong')],
    ['an empty secret', () => basic(authority.clientId, '')],
    ['an unknown client', () => basic('unknown', authority.secret)],
    ['no colon', () => ({ authorization: `Basic ${btoa(authority.clientId)}` })],
    ['no base64', () => ({ authorization: 'Basic %%%' })],
    ['a broken encoding', () => basic('%', authority.secret)],
    ['another scheme', () => ({ authorization: `Bearer ${authority.secret}` })],
  ])('%s: 401 invalid_client', async (_, headers) => {
    const response = await authority.askForToken(GRANT, headers())
    expect([response.status, await jsonOf(response)]).toMatchObject([401, { error: 'invalid_client' }])
    expect(response.headers.get('www-authenticate')).toMatch(/^Basic realm=/)
  })

  it.each([
    ['no grant', '', 400, 'invalid_request'],
    ['an empty grant', 'grant_type=', 400, 'invalid_request'],
    ['another grant', 'grant_type=password', 400, 'unsupported_grant_type'],
    ['a parameter twice', `${GRANT}&scope=a&scope=b`, 400, 'invalid_request'],
    ['two ways of authentication', `${GRANT}&client_secret=x`, 400, 'invalid_request'],
    ['two clients', `${GRANT}&client_id=other`, 400, 'invalid_request'],
    ['a body beyond the limit', `${GRANT}&x=${'y'.repeat(20_000)}`, 413, 'invalid_request'],
  ])('%s is refused', async (_, form, status, error) => {
    const response = await authority.askForToken(form)
    expect([response.status, await jsonOf(response)]).toMatchObject([status, { error }])
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  it('refuses a body that is no form', async () => {
    const response = await authority.askForToken('{}', { 'content-type': 'application/json' })
    expect([response.status, await jsonOf(response)]).toMatchObject([400, { error: 'invalid_request' }])
  })
})

describe('secrets (R75)', () => {
  it('are in no log and in no answer but the token itself', async () => {
    const issued = String((await jsonOf(await authority.askForToken(GRANT))).access_token)
    const [, payload = '', signature = ''] = issued.split('.')
    const answers = await Promise.all([
      authority.askForToken(GRANT, basic(authority.clientId, 'wrong-secret-marker')),
      authority.askForSubject({ subject: 'u', role: 'role-marker' }),
      authority.askForSubject({ subject: 'u' }, `Bearer ${issued.slice(0, -3)}`),
      fetch(`${authority.url}/nothing?access_token=${issued}`),
    ])
    const texts = await Promise.all(answers.map((answer) => answer.text()))
    for (const text of [...texts, authority.log()]) {
      for (const secret of [authority.secret, 'wrong-secret-marker', 'role-marker', payload, signature]) {
        expect(text).not.toContain(secret)
      }
    }
    expect(authority.log()).toContain('"route":"/oauth2/token"')
  })
})
