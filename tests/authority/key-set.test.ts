import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningAuthority, runAuthority } from './running-authority.ts'

let authority: RunningAuthority
beforeAll(async () => {
  authority = await runAuthority()
})
afterAll(() => authority.close())

const PATHS = ['/.well-known/jwks.json', '/keys/.well-known/jwks.json']
const ask = (path: string, init?: RequestInit) => fetch(authority.url + path, init)

describe('the key set over HTTP (R11, R29)', () => {
  it.each(PATHS)('is at %s, for caches and browsers too', async (path) => {
    const response = await ask(path)
    expect(response.status).toBe(200)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'cache-control': 'public, max-age=900, stale-while-revalidate=60',
      'access-control-allow-origin': '*',
      'content-type': expect.stringMatching(/^application\/jwk-set\+json/),
      etag: expect.stringMatching(/^"[\w-]{43}"$/),
    })
    const { keys } = (await response.json()) as { keys: Record<string, unknown>[] }
    expect(keys).toHaveLength(2)
    for (const key of keys)
      expect(key).toMatchObject({ use: 'sig', alg: 'EdDSA', kty: 'OKP', kid: expect.any(String) })
  })

  it('never holds a private member', async () => {
    const { keys } = (await (await ask(PATHS[0] ?? '')).json()) as { keys: object[] }
    for (const key of keys) expect(Object.keys(key)).not.toContain('d')
  })

  it('has the same bytes and the same tag on both paths and at every time of asking', async () => {
    const answers = await Promise.all([...PATHS, ...PATHS].map((path) => ask(path)))
    const texts = await Promise.all(answers.map((answer) => answer.text()))
    expect(new Set(texts).size).toBe(1)
    expect(new Set(answers.map(({ headers }) => headers.get('etag'))).size).toBe(1)
  })

  it('is not sent again to who holds it', async () => {
    const etag = (await ask(PATHS[0] ?? '')).headers.get('etag') ?? ''
    for (const held of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const response = await ask(PATHS[0] ?? '', { headers: { 'if-none-match': held } })
      expect([response.status, await response.text()]).toEqual([304, ''])
      expect(response.headers.get('cache-control')).toContain('max-age=900')
      expect(response.headers.get('etag')).toBe(etag)
    }
    expect((await ask(PATHS[0] ?? '', { headers: { 'if-none-match': '"other"' } })).status).toBe(200)
  })

  it('answers HEAD with the headers alone', async () => {
    const response = await ask(PATHS[0] ?? '', { method: 'HEAD' })
    expect([response.status, await response.text()]).toEqual([200, ''])
    expect(response.headers.get('etag')).toMatch(/^"/)
  })

  it('is found through the metadata of RFC 8414 (R31)', async () => {
    const response = await ask('/.well-known/oauth-authorization-server')
    expect(response.headers.get('cache-control')).toBe('public, max-age=3600')
    expect(await response.json()).toEqual({
      issuer: 'http://auth.test',
      token_endpoint: 'http://auth.test/oauth2/token',
      jwks_uri: 'http://auth.test/.well-known/jwks.json',
      response_types_supported: [],
      grant_types_supported: ['client_credentials'],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    })
  })
})

describe('metadata of unusual issuers (R23, R31)', () => {
  it('has the path of the issuer after the well-known part', async () => {
    const other = await runAuthority({ KEYTURN_ISSUER: 'https://auth.test/tenant/' })
    const response = await fetch(`${other.url}/.well-known/oauth-authorization-server/tenant`)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'cache-control': 'public, max-age=3600',
      'access-control-allow-origin': '*',
    })
    expect(await response.json()).toMatchObject({
      issuer: 'https://auth.test/tenant/',
      jwks_uri: 'https://auth.test/tenant/.well-known/jwks.json',
    })
    await other.close()
  })

  it('does not exist for an issuer that is no URL, whose keys are published all the same', async () => {
    const other = await runAuthority({ KEYTURN_ISSUER: 'supermq.auth' })
    const response = await fetch(`${other.url}/.well-known/oauth-authorization-server`)
    expect([response.status, await response.json()]).toMatchObject([404, { code: 'metadata_unavailable' }])
    expect((await fetch(`${other.url}/.well-known/jwks.json`)).status).toBe(200)
    await other.close()
  })
})
