import { access } from 'node:fs/promises'
import { createVerifier, optionsFromEnv } from '@keyturn/verifier'
import { createLocalJWKSet, createRemoteJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { afterEach, describe, expect, it } from 'vitest'
import { codeOf } from './code-of.ts'
import type { EndpointFault } from './endpoint-faults.ts'
import { type TestIssuerOptions, testIssuer } from './test-issuer.ts'

const METADATA = '/.well-known/oauth-authorization-server'
const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function open(options: TestIssuerOptions = {}) {
  const issuer = await testIssuer(options)
  const served = await issuer.listen()
  closing.push(served.close)
  const ask = (init: RequestInit = {}, url = served.url) => fetch(url, { redirect: 'manual', ...init })
  return { issuer, served, endpoint: issuer.endpoint, ask }
}

describe('an issuer for tests on a port of its own (R29, R46)', () => {
  it('serves its key set as an authority does', async () => {
    const { issuer, ask, served } = await open()
    const answer = await ask()
    expect(served.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\.well-known\/jwks\.json$/)
    expect([answer.status, await answer.json()]).toEqual([200, issuer.jwks()])
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'application/jwk-set+json',
      'cache-control': 'public, max-age=900, stale-while-revalidate=60',
      'access-control-allow-origin': '*',
      etag: expect.stringMatching(/^"[\w-]{43}"$/),
    })
    const alias = await ask({}, served.url.replace('/.well-known', '/keys/.well-known'))
    expect(await alias.json()).toEqual(issuer.jwks())
  })

  it('answers HEAD, and 304 to whoever has the set, however it is asked', async () => {
    const { issuer, endpoint, ask } = await open()
    const head = await ask({ method: 'HEAD' })
    const etag = String(head.headers.get('etag'))
    expect([head.status, await head.text()]).toEqual([200, ''])
    for (const held of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const answer = await ask({ headers: { 'if-none-match': held } })
      expect([answer.status, answer.headers.get('etag'), await answer.text()]).toEqual([304, etag, ''])
    }
    await issuer.rotate()
    expect((await ask({ headers: { 'if-none-match': etag } })).status).toBe(200)
    expect([endpoint.fetches, endpoint.confirmations]).toEqual([6, 4])
  })

  it('counts what is asked there and in process together', async () => {
    const { endpoint, ask } = await open()
    await ask()
    await endpoint.fetch({ etag: undefined, signal: new AbortController().signal })
    expect(endpoint.fetches).toBe(2)
  })

  it('has nothing else, and counts no question for it', async () => {
    const { endpoint, ask, served } = await open()
    expect((await ask({}, new URL('/', served.url).href)).status).toBe(404)
    const post = await ask({ method: 'POST' })
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    expect(endpoint.fetches).toBe(0)
  })

  it('has the set under its root key, where an authority has it, and pins for the services (R30)', async () => {
    const { issuer, served, ask } = await open({ rootKey: true })
    const answer = await ask({}, served.env.KEYTURN_JWKS_URL)
    expect(served.env.KEYTURN_JWKS_URL).toBe(served.url.replace('.json', '.jwt'))
    expect(answer.headers.get('content-type')).toBe('application/jwk-set+jwt')
    const roots = createLocalJWKSet(issuer.verifierOptions.rootKeys as JSONWebKeySet)
    const { payload } = await jwtVerify(await answer.text(), roots, {
      typ: 'jwk-set+jwt',
      issuer: issuer.issuer,
    })
    expect(payload).toMatchObject(issuer.jwks())
    expect(payload).toMatchObject({ sub: issuer.issuer, exp: (payload.iat ?? 0) + 4 * 3600 })
    expect(await (await ask()).json()).toEqual(issuer.jwks())
    const pins = String(served.env.KEYTURN_VERIFIER_ROOT_KEYS_FILE)
    const verifier = createVerifier(optionsFromEnv(served.env))
    expect(await codeOf(verifier.verify(await issuer.token()))).toBe('none')
    verifier.close()
    await served.close()
    await expect(access(pins)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('has no signed set without a root key, and no pin', async () => {
    const { ask, served } = await open()
    expect((await ask({}, served.url.replace('.json', '.jwt'))).status).toBe(404)
    expect(served.env).not.toHaveProperty('KEYTURN_VERIFIER_ROOT_KEYS_FILE')
  })

  it.each([
    { issuer: 'https://auth.test', rootKey: false, paths: [''] },
    { issuer: 'https://auth.test/tenant', rootKey: true, paths: ['', '/tenant'] },
  ])('describes $issuer as an authority does, and where it is (R31)', async ({ issuer, rootKey, paths }) => {
    const { ask, served, endpoint } = await open({ issuer, rootKey })
    endpoint.fail('unavailable')
    for (const path of paths) {
      const answer = await ask({}, new URL(METADATA + path, served.url).href)
      expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
      expect(await answer.json()).toEqual({
        issuer,
        jwks_uri: served.url,
        ...(rootKey && { signed_jwks_uri: served.env.KEYTURN_JWKS_URL }),
        response_types_supported: [],
        grant_types_supported: [],
      })
    }
    expect(endpoint.fetches).toBe(0)
  })

  it('has no metadata where it is no URL, as an authority has none', async () => {
    const { ask, served } = await open({ issuer: 'supermq.auth' })
    expect((await ask({}, new URL(METADATA, served.url).href)).status).toBe(404)
  })

  it('listens on the port that it is given, so that its name can be where it is', async () => {
    const { port } = new URL((await open()).served.url)
    for (const close of closing.splice(0)) await close()
    const issuer = await testIssuer({ issuer: `http://127.0.0.1:${port}` })
    await using served = await issuer.listen({ port: Number(port) })
    expect(served.url).toBe(`${issuer.issuer}/.well-known/jwks.json`)
    await expect(issuer.listen({ port: Number(port) })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })

  it('is an issuer for verifiers of others', async () => {
    const { issuer, served } = await open({ algorithm: 'ES256', issuer: 'https://auth.test' })
    const { payload } = await jwtVerify(await issuer.token(), createRemoteJWKSet(new URL(served.url)), {
      issuer: served.env.KEYTURN_ISSUER,
      audience: served.env.KEYTURN_AUDIENCE,
    })
    expect(payload).toMatchObject({ iss: 'https://auth.test', sub: 'user-1' })
  })

  it('listens until it is closed, also by what disposes of it', async () => {
    const { issuer, ask, served } = await open()
    const other = await issuer.listen()
    await other[Symbol.asyncDispose]()
    await expect(ask({}, other.url)).rejects.toThrow('fetch failed')
    issuer.endpoint.fail('hang')
    const hanging = ask()
    while (issuer.endpoint.fetches === 0) await new Promise((resolve) => setImmediate(resolve))
    const [outcome] = await Promise.allSettled([hanging, served.close()])
    expect(outcome.status).toBe('rejected')
  })
})

describe('an issuer for tests that misbehaves on its port (R37, R46)', () => {
  async function openFailing(fault: EndpointFault) {
    const opened = await open()
    opened.endpoint.fail(fault)
    return opened
  }

  it('is unavailable with a time to come back', async () => {
    const { ask } = await openFailing('unavailable')
    const { status, headers } = await ask()
    expect([status, headers.get('retry-after'), headers.get('etag')]).toEqual([503, '5', null])
  })

  it('leads who follows a redirect to the good set', async () => {
    const { issuer, ask } = await openFailing('redirect')
    expect((await ask()).status).toBe(302)
    expect(await (await ask({ redirect: 'follow' })).json()).toEqual(issuer.jwks())
  })

  it('says more than anybody should read, all of it JSON', async () => {
    const { issuer, ask } = await openFailing('huge')
    const body = await (await ask()).text()
    expect(body).toHaveLength(1024 * 1024)
    expect(JSON.parse(body)).toEqual(issuer.jwks())
  })

  it('says that the good set is a page', async () => {
    const { issuer, ask } = await openFailing('mistyped')
    const answer = await ask()
    expect(answer.headers.get('content-type')).toBe('text/html')
    expect(await answer.json()).toEqual(issuer.jwks())
  })

  it('hangs, and answers once it recovers', async () => {
    const { issuer, endpoint, ask } = await openFailing('hang')
    const answer = ask()
    while (endpoint.fetches === 0) await new Promise((resolve) => setImmediate(resolve))
    endpoint.recover()
    expect(await (await answer).json()).toEqual(issuer.jwks())
  })

  it('drips, and answers to the end once it recovers', async () => {
    const { issuer, endpoint, ask } = await openFailing('drip')
    const { status, body } = await ask()
    expect(status).toBe(200)
    const decoder = new TextDecoder()
    let text = ''
    for await (const chunk of body ?? []) {
      text += decoder.decode(chunk, { stream: true })
      if (text === '   ') endpoint.recover()
    }
    expect(text).toMatch(/^ {3,}\{/)
    expect(JSON.parse(text)).toEqual(issuer.jwks())
  })

  it('resets the connection', async () => {
    const { endpoint, ask } = await openFailing('reset')
    const cause = await ask().catch((error) => error.cause)
    expect(cause).toMatchObject({ code: 'ECONNRESET' })
    expect(endpoint.fetches).toBe(1)
  })
})
