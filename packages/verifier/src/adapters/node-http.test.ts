import { createServer, type IncomingMessage, type Server, request as send } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { testIssuer } from '@keyturn/testing'
import { afterEach, describe, expect, it } from 'vitest'
import type { BearerOptions } from '../bearer.ts'
import { createVerifier, type Verifier } from '../verifier.ts'
import { type GuardedListener, guard } from './node-http.ts'

const issuer = await testIssuer()
const { endpoint } = issuer
const closing: (() => void)[] = []
afterEach(() => {
  endpoint.recover()
  for (const close of closing.splice(0)) close()
})

async function open(listener: GuardedListener, options: BearerOptions = {}, check?: () => boolean) {
  const { issuer: iss, audience } = issuer
  const checks = check === undefined ? {} : { check }
  const verifier: Verifier = createVerifier({ issuer: iss, audience, fetch: endpoint.fetch, ...checks })
  const server: Server = createServer(guard(verifier, options, listener))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    verifier.close()
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { server, port, ask: (...authorization: string[]) => ask(port, authorization) }
}
const hello: GuardedListener = (_, response, session) => void response.end(`hello ${session.userId}`)

async function ask(port: number, authorization: readonly string[]) {
  const headers = authorization.flatMap((value) => ['authorization', value])
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = { port, host: '127.0.0.1', agent: false, headers: ['host', 'localhost', ...headers] }
    send(options as never, resolve)
      .on('error', reject)
      .end()
  })
  let body = ''
  for await (const chunk of response) body += chunk
  return { status: response.statusCode, headers: response.headers, body }
}

describe('JWKSAuthentication: guard of node:http (R43, RFC 6750)', () => {
  it('lets a good token through with its session', async () => {
    const { ask } = await open(hello)
    expect(await ask(`Bearer ${await issuer.token({ sub: 'alice' })}`)).toMatchObject({
      status: 200,
      body: 'hello alice',
    })
  })

  it('answers 401 with a challenge and a problem, and echoes nothing of the token', async () => {
    const { ask } = await open(hello)
    const token = await issuer.forgedToken({ sub: 'mallory' })
    const { status, headers, body } = await ask(`Bearer ${token}`)
    expect(status).toBe(401)
    expect(headers).toMatchObject({
      'www-authenticate':
        'Bearer realm="keyturn", error="invalid_token", error_description="signature_invalid"',
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
    })
    expect(JSON.parse(body)).toEqual({
      status: 401,
      code: 'signature_invalid',
      detail: 'the token is not accepted',
    })
    const answer = JSON.stringify(headers) + body
    for (const part of [...token.split('.'), 'mallory', issuer.kid]) expect(answer).not.toContain(part)
  })

  it('answers 401 without an error code where there is no token', async () => {
    const { ask } = await open(hello)
    expect(await ask()).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'Bearer realm="keyturn"' },
    })
  })

  it('answers 400 for several Authorization headers, though the first were good', async () => {
    const { ask } = await open(hello)
    const good = `Bearer ${await issuer.token()}`
    for (const headers of [
      [good, good],
      [good, 'Basic x'],
      ['Basic x', good],
    ]) {
      expect(await ask(...headers)).toMatchObject({ status: 400 })
    }
  })

  it('answers 403 for a scope that is missing', async () => {
    const { ask } = await open(hello, { scopes: ['write'] })
    const { status, headers } = await ask(`Bearer ${await issuer.token({ scope: 'read' })}`)
    expect(status).toBe(403)
    expect(headers['www-authenticate']).toContain('error="insufficient_scope"')
  })
})

describe('JWKSFetchError: guard of node:http (R40)', () => {
  it('answers 503 with Retry-After while keys cannot be had', async () => {
    const { ask } = await open(hello)
    endpoint.fail()
    const { status, headers, body } = await ask(`Bearer ${await issuer.token()}`)
    expect(status).toBe(503)
    expect(headers['retry-after']).toMatch(/^[1-9]\d*$/)
    expect(headers).not.toHaveProperty('www-authenticate')
    expect(JSON.parse(body)).toMatchObject({ code: 'keys_unavailable' })
  })

  it('calls no listener for a client that went away meanwhile', async () => {
    let calls = 0
    const { server, port, ask } = await open((_, response) => {
      calls += 1
      response.end()
    })
    endpoint.hang()
    const token = await issuer.token()
    const gone = new Promise<void>((resolve) => {
      server.once('request', (_, response) => response.once('close', resolve))
    })
    const asked = new Promise((resolve) => server.once('request', resolve))
    const client = connect(port, '127.0.0.1', () => {
      client.write(`GET / HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n\r\n`)
    })
    await asked
    client.destroy()
    await gone
    endpoint.recover()
    expect(await ask(`Bearer ${token}`)).toMatchObject({ status: 200 })
    expect(calls).toBe(1)
  })

  it('survives a client that went away before it is refused', async () => {
    const { server, port, ask } = await open(hello)
    endpoint.hang()
    const token = await issuer.forgedToken()
    const gone = new Promise<void>((resolve) => {
      server.once('request', (_, response) => response.once('close', resolve))
    })
    const client = connect(port, '127.0.0.1', () => {
      client.write(`GET / HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n\r\n`)
    })
    await new Promise((resolve) => server.once('request', resolve))
    client.destroy()
    await gone
    endpoint.recover()
    expect(await ask(`Bearer ${token}`)).toMatchObject({ status: 401 })
  })
})

describe('a guarded listener that fails', () => {
  it.each([
    [
      'throws',
      () => {
        throw new RangeError('a secret')
      },
    ],
    [
      'rejects',
      async () => {
        throw new RangeError('a secret')
      },
    ],
  ])('is answered 500 when it %s, and its error is uncaught as with node:http', async (_, listener) => {
    const { ask } = await open(listener)
    const token = await issuer.token()
    const { answer, uncaught } = await withUncaught(() => ask(`Bearer ${token}`))
    expect(answer).toMatchObject({ status: 500 })
    expect(answer.body).not.toContain('secret')
    expect(uncaught).toBeInstanceOf(RangeError)
  })

  it('has its answer cut off when that had begun', async () => {
    const { ask } = await open((_, response) => {
      response.writeHead(200).write('half')
      throw new RangeError('a bug')
    })
    const token = await issuer.token()
    const { answer } = await withUncaught(() => ask(`Bearer ${token}`).catch((error) => error))
    expect(answer).toMatchObject({ code: 'ECONNRESET' })
  })

  it('is answered 500 when the check of the verifier fails, since that is no fault of the token', async () => {
    const { ask } = await open(hello, {}, () => {
      throw new RangeError('a bug')
    })
    const token = await issuer.token()
    const { answer } = await withUncaught(() => ask(`Bearer ${token}`))
    expect(answer).toMatchObject({ status: 500 })
  })
})

/** Takes the place of the test runner's own listeners for as long as an uncaught error is the subject. */
async function withUncaught<T>(action: () => Promise<T>): Promise<{ answer: T; uncaught: unknown }> {
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  try {
    const uncaught = new Promise<unknown>((resolve) => process.once('uncaughtException', resolve))
    const answer = await action()
    return { answer, uncaught: await uncaught }
  } finally {
    process.removeAllListeners('uncaughtException')
    for (const listener of listeners) process.on('uncaughtException', listener)
  }
}
