import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { type RunningAuthority, runAuthority } from './running-authority.ts'

let authority: RunningAuthority
afterEach(() => authority.close())

const FORM = 'grant_type=client_credentials'

/**
 * What a request is answered that comes behind one that was under way when the authority was told to stop: all of one
 * connection. The server has the first one's headers, which it says, and waits for its form.
 */
async function answersWhileStopping(message: string): Promise<readonly string[]> {
  authority = await runAuthority()
  const { hostname, port } = new URL(authority.url)
  const socket = connect(Number(port), hostname)
  const first = [
    'POST /oauth2/token HTTP/1.1',
    'Host: a',
    `Authorization: ${authority.basic}`,
    'Content-Type: application/x-www-form-urlencoded',
    `Content-Length: ${FORM.length}`,
    'Expect: 100-continue',
  ]
  socket.write(`${first.join('\r\n')}\r\n\r\n`)
  let text = ''
  for await (const bytes of socket) {
    const isFirst = text === ''
    text += bytes
    if (!isFirst) continue
    void authority.close()
    await untilNoLongerHeard(authority.url)
    socket.write(`${FORM}${message}`)
  }
  return text.split(/(?=HTTP\/1\.1 )/).slice(1)
}

async function untilNoLongerHeard(url: string): Promise<void> {
  const isHeard = () =>
    fetch(`${url}/livez`).then(
      () => true,
      () => false,
    )
  while (await isHeard());
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`
const post = (path: string) => `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`

describe('what comes while the authority stops (R53)', () => {
  it.each([
    ['the key set', get('/.well-known/jwks.json')],
    ['metadata', get('/.well-known/oauth-authorization-server')],
    ['a token for a user', post('/v1/tokens')],
  ])('is told so, and when to come back, when it is for %s', async (_, message) => {
    const [underWay, answer = ''] = await answersWhileStopping(message)
    expect(underWay).toMatch(/^HTTP\/1.1 200 /)
    expect(answer).toMatch(/^HTTP\/1.1 503 /)
    expect(answer).toMatch(/^content-type: application\/problem\+json/im)
    expect(answer).toMatch(/^retry-after: \d+\r$/im)
    expect(answer).toMatch(/^connection: close\r$/im)
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({ status: 503, code: 'stopping' })
    expect(authority.log()).not.toContain('request failed')
  })

  it('is told so in the shape of OAuth below /oauth2', async () => {
    const [, answer = ''] = await answersWhileStopping(post('/oauth2/token'))
    expect(answer).toMatch(/^HTTP\/1.1 503 /)
    expect(answer).toMatch(/^retry-after: \d+\r$/im)
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({ error: 'temporarily_unavailable' })
    expect(authority.log()).not.toContain('request failed')
  })

  it('is answered when it is a probe: alive, and no longer ready', async () => {
    const [, alive] = await answersWhileStopping(get('/livez'))
    expect(alive).toMatch(/^HTTP\/1.1 200 .*\{"status":"ok"\}$/s)
    const [, ready] = await answersWhileStopping(get('/readyz'))
    expect(ready).toMatch(/^HTTP\/1.1 503 .*\{"status":"stopping"\}$/s)
  })
})
