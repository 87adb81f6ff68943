import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { jsonOf, type RunningAuthority, runAuthority } from './running-authority.ts'

let authority: RunningAuthority
beforeAll(async () => {
  authority = await runAuthority()
})
afterAll(() => authority.close())

const PLAIN = 'Basic realm="keyturn", charset="UTF-8", Bearer realm="keyturn"'
const GRANT = 'grant_type=client_credentials'

/** Sends lines as they are, since fetch sends no header twice. */
const send = (lines: readonly string[], body: string) =>
  new Promise<{ status: number; body: Record<string, unknown> }>((resolve, reject) => {
    let answer = ''
    const head = [...lines, 'Host: a', 'Connection: close', `Content-Length: ${body.length}`]
    const socket = connect(Number(new URL(authority.url).port), '127.0.0.1', () =>
      socket.write(`${head.join('\r\n')}\r\n\r\n${body}`),
    )
    socket.on('data', (chunk) => {
      answer += chunk
    })
    socket.on('error', reject).on('close', () => {
      const [header = '', text = ''] = answer.split('\r\n\r\n')
      resolve({ status: Number(header.split(' ')[1]), body: JSON.parse(text) })
    })
  })

const postTokens = (init: RequestInit) => fetch(`${authority.url}/v1/tokens`, { method: 'POST', ...init })

describe('challenges (R48, R73)', () => {
  it('names no error to who said nothing (RFC 6750, section 3.1)', async () => {
    const { status, headers } = await postTokens({})
    expect([status, headers.get('www-authenticate')]).toEqual([401, PLAIN])
  })

  it('names none of a token to who presented a secret', async () => {
    const { status, headers } = await authority.askForSubject({ subject: 'u' }, 'Basic eDp5')
    expect([status, headers.get('www-authenticate')]).toEqual([401, PLAIN])
  })

  it('names it to who presented a token', async () => {
    const { status, headers } = await authority.askForSubject({ subject: 'u' }, 'Bearer a.b.c')
    expect([status, headers.get('www-authenticate')]).toEqual([401, `${PLAIN}, error="invalid_token"`])
  })
})

describe('two sets of credentials (R73)', () => {
  it('are refused, whichever is good', async () => {
    const good = `Authorization: ${authority.basic}`
    for (const pair of [
      [good, 'Authorization: Bearer x'],
      ['authorization: Basic eDp5', good],
      [good, good],
    ]) {
      const type = 'Content-Type: application/json'
      expect(await send(['POST /v1/tokens HTTP/1.1', type, ...pair], '{"subject":"u"}')).toMatchObject({
        status: 400,
        body: { code: 'authorization_malformed' },
      })
      const form = 'Content-Type: application/x-www-form-urlencoded'
      expect(await send(['POST /oauth2/token HTTP/1.1', form, ...pair], GRANT)).toMatchObject({
        status: 400,
        body: { error: 'invalid_request' },
      })
    }
  })
})

describe('JSON that says two things (R48, R53)', () => {
  it.each([
    ['a member twice', '{"subject":"u","subject":"admin"}'],
    ['a claim twice', '{"subject":"u","claims":{"tenant":"a","tenant":"b"}}'],
    ['a prototype among the claims', '{"subject":"u","claims":{"__proto__":{}}}'],
    ['half a character in the subject', '{"subject":"u\\ud800"}'],
    ['half a character in a claim', '{"subject":"u","claims":{"x":["\\udc00"]}}'],
    ['half a character in the name of a claim', '{"subject":"u","claims":{"\\udc00":1}}'],
    ['a claim that would be signed as null', '{"subject":"u","claims":{"x":1e999}}'],
    ['levels without end', `{"subject":"u","claims":{"x":${'['.repeat(3000)}${']'.repeat(3000)}}}`],
    ['nothing', ''],
  ])('%s is refused', async (_, body) => {
    const response = await authority.askForSubject(body)
    expect([response.status, await jsonOf(response)]).toMatchObject([
      400,
      { code: 'request_malformed', detail: expect.stringContaining('each member once') },
    ])
  })
})

describe('wrong methods and wrong bodies (R53)', () => {
  it.each([
    ['POST', '/.well-known/jwks.json', 'GET, HEAD'],
    ['DELETE', '/livez?x=/oauth2', 'GET, HEAD'],
    ['OPTIONS', '/v1/tokens', 'POST'],
    ['GET', '/v1/tokens', 'POST'],
    ['PROPFIND', '/v1/tokens', 'POST'],
  ])('%s %s is answered 405 with what is allowed', async (method, path, allow) => {
    const response = await fetch(authority.url + path, { method })
    expect([response.status, response.headers.get('allow')]).toEqual([405, allow])
    expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/)
    expect(await jsonOf(response)).toMatchObject({ code: 'method_not_allowed' })
  })

  it('answers in the shape of OAuth under /oauth2', async () => {
    const response = await fetch(`${authority.url}/oauth2/token`)
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST'])
    expect(await jsonOf(response)).toEqual({ error: 'invalid_request', error_description: 'expected POST' })
    expect(response.headers.get('cache-control')).toBe('no-store')
    const nothing = await fetch(`${authority.url}/oauth2/nothing`, { method: 'POST', body: 'x' })
    expect([nothing.status, await jsonOf(nothing)]).toMatchObject([404, { error: 'invalid_request' }])
  })

  it('says the same on the admin listener, and 404 where there is nothing', async () => {
    const response = await fetch(`${authority.adminUrl}/metrics`, { method: 'POST', body: 'x' })
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    for (const path of ['/nothing', '/v1/tokens/', '/v1']) {
      const answer = await fetch(authority.url + path, { method: 'POST', body: 'x' })
      expect([answer.status, await jsonOf(answer)]).toMatchObject([404, { code: 'not_found' }])
    }
  })

  it('says what was expected of a body', async () => {
    const headers = { authorization: authority.basic, 'content-type': 'application/json' }
    const large = await postTokens({ headers, body: `{"subject":"${'u'.repeat(20_000)}"}` })
    expect([large.status, await jsonOf(large)]).toMatchObject([
      413,
      { code: 'body_too_large', detail: 'expected a body of at most 16384 bytes' },
    ])
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'text/json']) {
      const other = await postTokens({ headers: { ...headers, 'content-type': type }, body: '{}' })
      expect([other.status, await jsonOf(other)]).toMatchObject([
        415,
        { code: 'media_type_unsupported', detail: 'expected application/json' },
      ])
    }
    const json = await authority.askForToken('{}', { 'content-type': 'application/json' })
    expect([json.status, await jsonOf(json)]).toMatchObject([
      400,
      { error: 'invalid_request', error_description: 'expected application/x-www-form-urlencoded' },
    ])
    const form = await authority.askForToken(`${GRANT}&x=${'y'.repeat(20_000)}`)
    expect(await jsonOf(form)).toMatchObject({ error_description: 'expected a body of at most 16384 bytes' })
  })
})
