import { createServer, type Server } from 'node:http'
import { connect } from 'node:net'
import { guardConformance, testIssuer } from '@keyturn/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { BearerOptions } from '../access/bearer.ts'
import { withUncaught } from '../uncaught.fixture.ts'
import { createVerifier, type Verifier } from '../verifier.ts'
import { type GuardedListener, guard } from './node-http.ts'
import { ask, listen, nameOf, served } from './serve.fixture.ts'

const issuer = await testIssuer()
const { endpoint } = issuer
const closing: (() => void)[] = []
afterEach(() => {
  vi.restoreAllMocks()
  endpoint.recover()
  for (const close of closing.splice(0)) close()
})

async function open(listener: GuardedListener, options: BearerOptions = {}, check?: () => boolean) {
  const checks = check === undefined ? {} : { check }
  const verifier: Verifier = createVerifier({ ...issuer.verifierOptions, ...checks })
  const server: Server = createServer(guard(verifier, options, listener))
  const port = await listen(server)
  closing.push(() => {
    verifier.close()
    server.closeAllConnections()
    server.close()
  })
  return { server, port, ask: (...authorization: string[]) => ask(port, { authorization }) }
}
const hello: GuardedListener = (_, response, session) => void response.end(`hello ${session.userId}`)

describe('JWKSAuthentication, JWKSFetchError: guard of node:http (R40, R42, R43, RFC 6750)', () => {
  it.each(guardConformance)('$name', async ({ run }) => {
    await run(async (verifier, options) => {
      const listener: GuardedListener = (_, response, session) => void response.end(nameOf(session))
      return await served(createServer(guard(verifier, options, listener)))
    })
  })

  it('calls no listener for a client that went away meanwhile', async () => {
    let calls = 0
    const { server, port, ask } = await open((_, response) => {
      calls += 1
      response.end()
    })
    endpoint.fail('hang')
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
    endpoint.fail('hang')
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

  it('is not made without a listener', () => {
    const verifier = createVerifier(issuer.verifierOptions)
    expect(() => guard(verifier, {}, undefined as never)).toThrow('listener: expected a function')
    verifier.close()
  })

  it('is answered without the headers that it had set for an answer of its own', async () => {
    const { ask } = await open((_, response) => {
      response.setHeader('content-length', 1000).setHeader('etag', '"1"')
      throw new RangeError('a bug')
    })
    const token = await issuer.token()
    const { answer } = await withUncaught(() => ask(`Bearer ${token}`))
    expect(answer).toMatchObject({ status: 500 })
    expect(answer.headers).not.toHaveProperty('etag')
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'internal_error' })
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

  it('is answered 500 when the check of the verifier fails: a warning, and not the end of the process', async () => {
    const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const { ask } = await open(hello, {}, () => {
      throw new RangeError('a secret')
    })
    const answer = await ask(`Bearer ${await issuer.token()}`)
    expect(answer).toMatchObject({ status: 500 })
    expect(JSON.parse(answer.body)).toMatchObject({ status: 500, code: 'internal_error' })
    expect(answer.body).not.toContain('secret')
    expect(warnings.mock.calls).toEqual([
      [
        'a guard failed while it looked at a token',
        { code: 'KEYTURN_GUARD', detail: expect.stringContaining('RangeError: a secret') },
      ],
    ])
  })
})
