import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { TokenClaims } from '@keyturn/core'
import { codeOf, type GuardAnswer, type GuardQuestion, guardConformance } from '@keyturn/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { openVerifier } from '../open-verifier.fixture.ts'
import type { TokenVerifier } from '../token-verifier.ts'
import { withUncaught } from '../uncaught.fixture.ts'
import type { VerifierOptions } from '../verifier-options.ts'
import { listen, nameOf, stop } from './serve.fixture.ts'
import { callerOf, guard, type SocketGuardOptions } from './ws.ts'

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  vi.restoreAllMocks()
  for (const close of closing.splice(0)) await close()
})

/** A server whose sockets say who speaks, and then answer each message: `renew <token>` with what came of it, others with themselves. */
async function serve(verifier: TokenVerifier, options: SocketGuardOptions = {}) {
  const sockets = new WebSocketServer({ noServer: true })
  const server = createServer().on('upgrade', guard(verifier, options, sockets))
  const heard: string[] = []
  sockets.on('connection', (socket) => {
    const caller = callerOf(socket)
    socket.send(nameOf(caller.session))
    socket.on('message', async (data) => {
      const text = String(data)
      heard.push(text)
      const [, token] = text.split('renew ')
      if (token === undefined) return socket.send(text)
      const outcome = await caller.renew(token)
      socket.send(outcome.refusal?.code ?? 'renewed')
    })
  })
  const port = await listen(server)
  const close = async () => {
    for (const socket of sockets.clients) socket.terminate()
    await stop(server)
  }
  return { port, close, sockets, server, heard }
}

/** A client of ws, through its handshake. `next` gives what comes from the server, message by message. */
async function connected(port: number, token: string, protocols: string[] = []) {
  const headers = token === '' ? {} : { authorization: `Bearer ${token}` }
  const client = new WebSocket(`ws://127.0.0.1:${port}`, protocols, { headers })
  const messages: string[] = []
  let wake = () => {}
  client.on('message', (data) => {
    messages.push(String(data))
    wake()
  })
  const closed = new Promise<string>((resolve) => {
    client.once('close', (code, reason) => resolve(`${code} ${reason}`))
  })
  await once(client, 'open')
  const next = async () => {
    while (messages.length === 0) await new Promise<void>((resolve) => (wake = resolve))
    return messages.shift()
  }
  const say = (text: string) => {
    client.send(text)
    return next()
  }
  return { client, closed, next, say }
}

async function scene(options: SocketGuardOptions = {}, verifierOptions: Partial<VerifierOptions> = {}) {
  const opened = await openVerifier(verifierOptions)
  const server = await serve(opened.verifier, options)
  closing.push(server.close)
  const open = async (claims: object = {}) => {
    const socket = await connected(server.port, await opened.issuer.token({ sub: 'alice', ...claims }))
    expect(await socket.next()).toBe('alice')
    return socket
  }
  return { ...opened, ...server, open }
}

/** A handshake by the client of node:http, whose headers go out as they are. */
async function shake(port: number, { authorization, query = '' }: GuardQuestion): Promise<GuardAnswer> {
  const raw = ['host', 'localhost', 'connection', 'upgrade', 'upgrade', 'websocket']
  const key = ['sec-websocket-version', '13', 'sec-websocket-key', 'dGhlIHNhbXBsZSBub25jZQ==']
  const credentials = authorization.flatMap((value) => ['authorization', value])
  const headers = [...raw, ...key, ...credentials] as never
  const asked = request({ port, host: '127.0.0.1', path: `/${query}`, agent: false, headers }).end()
  const [response, socket, head] = await new Promise<[IncomingMessage, NodeJS.ReadableStream?, Buffer?]>(
    (resolve, reject) => {
      asked.on('error', reject)
      asked.on('response', (response) => resolve([response]))
      asked.on('upgrade', (response, socket, head) => resolve([response, socket, head]))
    },
  )
  const { statusCode: status = 0, headers: answered } = response
  if (socket === undefined) {
    let body = ''
    for await (const chunk of response) body += chunk
    return { status, headers: answered, body }
  }
  // one short unmasked text frame: its length is in its second byte
  const frame = head?.length ? head : ((await once(socket, 'data'))[0] as Buffer)
  return { status, headers: answered, body: frame.subarray(2).toString() }
}

describe('guard of ws: the handshake (R40, R42, R43, RFC 6750)', () => {
  it.each(guardConformance)('$name', async ({ run }) => {
    await run(async (verifier, options) => {
      const { port, close } = await serve(verifier, options)
      return { ask: (question) => shake(port, question), close }
    })
  })

  it('takes a token from a subprotocol when that is allowed, and never gives it back', async () => {
    const { port, issuer, sockets } = await scene({ allowSubprotocolToken: true })
    const offer = [`keyturn.bearer.${await issuer.token({ sub: 'alice' })}`, 'orders.v1']
    const { client, next } = await connected(port, '', offer)
    expect(await next()).toBe('alice')
    expect(client.protocol).toBe('orders.v1')
    expect([...sockets.clients].map(({ protocol }) => protocol)).toEqual(['orders.v1'])
  })

  it.each([
    ['only that is offered', (token: string) => [token], '', 400],
    ['two are offered', (token: string) => ['a', token, token.slice(0, -1)], '', 400],
    ['a header bears one too', (token: string) => ['a', token], 'good', 400],
    ['it is not allowed', (token: string) => ['a', token], '', 401],
  ])('refuses a token in a subprotocol when %s', async (name, offer, header, status) => {
    const { port, issuer } = await scene({ allowSubprotocolToken: name !== 'it is not allowed' })
    const token = await issuer.token()
    const outcome = connected(port, header === '' ? '' : token, offer(`keyturn.bearer.${token}`))
    await expect(outcome).rejects.toThrow(`Unexpected server response: ${status}`)
  })

  it('refuses to guard a server that others can reach past it', async () => {
    const { verifier, server } = await scene()
    const open = new WebSocketServer({ server })
    expect(() => guard(verifier, {}, open)).toThrow('noServer')
    const unclear = { allowSubprotocolToken: 'no' } as never
    expect(() => guard(verifier, unclear, new WebSocketServer({ noServer: true }))).toThrow('a boolean')
    const inherited = Object.create({ scopes: ['a'] })
    expect(() => guard(verifier, inherited, new WebSocketServer({ noServer: true }))).toThrow('inherited')
    open.close()
  })

  it('knows no caller of a socket that did not come through it', () => {
    const stranger = {} as WebSocket
    expect(() => callerOf(stranger)).toThrow(expect.objectContaining({ code: 'socket_not_guarded' }))
  })

  it('survives a client that goes away while its token is looked at', async () => {
    const { port, issuer, endpoint, server, sockets, open } = await scene()
    endpoint.fail('hang')
    const token = await issuer.token()
    const upgraded = once(server, 'upgrade')
    const client = connect(port, '127.0.0.1', () => {
      const lines = ['GET / HTTP/1.1', 'host: x', 'connection: upgrade', 'upgrade: websocket']
      client.write([...lines, `authorization: Bearer ${token}`, '', ''].join('\r\n'))
    })
    const [, socket] = await upgraded
    const gone = new Promise((resolve) => socket.once('close', resolve))
    client.resetAndDestroy()
    socket.resume()
    await gone
    endpoint.recover()
    await open()
    expect(sockets.clients.size).toBe(1)
  })
})

describe('guard of ws: sockets that outlive their token (R43)', () => {
  it('end alone where a client sends what is no frame, or too much: the service goes on', async () => {
    const { port, issuer, open } = await scene()
    const [garbled, other] = [await open(), await open()]
    const raw = Reflect.get(garbled.client, '_socket') as Socket
    raw.write(Buffer.from([0xff, 0xff]))
    expect(await garbled.closed).toMatch(/^(1002|1006) /)
    expect(await other.say('who')).toBe('who')
    expect(await (await connected(port, await issuer.token({ sub: 'bob' }))).next()).toBe('bob')
  })

  it('are closed with 4401 when the token expires, at the moment at which it would be refused', async () => {
    const { clock, open } = await scene()
    const { closed, client } = await open()
    await clock.advance(3604_000)
    expect(client.readyState).toBe(WebSocket.OPEN)
    await clock.advance(1000)
    expect(await closed).toBe('4401 token_expired')
  })

  it('are closed with 4401 when the key of their token is revoked, those of other keys not', async () => {
    const { clock, issuer, open } = await scene()
    const before = await open()
    await issuer.rotate()
    const after = await open()
    await issuer.revoke(issuer.jwks().keys[0]?.kid)
    await clock.advance(900_000)
    expect(await before.closed).toBe('4401 key_unknown')
    expect(await after.say('still here')).toBe('still here')
  })

  it('are closed with 1013 when keys cannot be had for so long that nothing is certain', async () => {
    const { clock, endpoint, open } = await scene({}, { staleIfErrorSeconds: 600 })
    const { closed, say } = await open()
    endpoint.fail()
    await clock.advance(1_499_000)
    expect(await say('still here')).toBe('still here')
    await clock.advance(61_000)
    expect(await closed).toBe('1013 keys_unavailable')
  })

  it('are not heard once they are closed, though the other side does not close', async () => {
    const { clock, port, issuer, heard, sockets } = await scene()
    const { client, next } = await connected(port, await issuer.token())
    await next()
    // a client that ignores the close: what it says comes behind
    const raw = (client as unknown as { readonly _socket: NodeJS.WritableStream })._socket
    client.pause()
    await clock.advance(3605_000)
    const [socket] = sockets.clients
    expect(socket?.readyState).toBe(WebSocket.CLOSING)
    socket?.on('message', () => heard.push('by a listener that came late'))
    const arrived = once((socket as unknown as { _socket: NodeJS.ReadableStream })._socket, 'data')
    raw.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]))
    await arrived
    expect(heard).toEqual([])
  })

  it('leave no timer behind when they close', async () => {
    const { clock, open, sockets } = await scene()
    const first = await open()
    const timers = clock.pendingTimers
    const second = await open()
    expect(clock.pendingTimers).toBe(timers + 1)
    const closed = [...sockets.clients].map((socket) => once(socket, 'close'))
    for (const { client } of [first, second]) client.close()
    await Promise.all(closed)
    expect(clock.pendingTimers).toBe(timers - 1)
  })
})

describe('guard of ws: another token in band (R43)', () => {
  it('carries the socket past the end of the first', async () => {
    const { clock, issuer, open } = await scene()
    const { say, closed } = await open()
    await clock.advance(3000_000)
    expect(await say(`renew ${await issuer.token({ sub: 'alice' })}`)).toBe('renewed')
    await clock.advance(3000_000)
    expect(await say('still here')).toBe('still here')
    await clock.advance(605_000)
    expect(await closed).toBe('4401 token_expired')
  })

  it.each([
    ['of another user', { sub: 'bob' }, 'caller_changed'],
    ['of another client', { client_id: 'other' }, 'caller_changed'],
    ['of less than is asked for', { scope: 'other' }, 'scope_missing'],
    ['for somebody else', { aud: 'other' }, 'audience_mismatch'],
  ])('changes nothing when it is %s', async (_, claims, code) => {
    const { clock, issuer, open } = await scene({ scopes: ['read'] })
    const { say, closed } = await open()
    await clock.advance(3000_000)
    expect(await say(`renew ${await issuer.token({ sub: 'alice', ...claims })}`)).toBe(code)
    expect(await say('still here')).toBe('still here')
    await clock.advance(605_000)
    expect(await closed).toBe('4401 token_expired')
  })

  it('is refused while another is looked at; messages go on, and so does the first token', async () => {
    const { clock, issuer, endpoint, open } = await scene()
    const { client, next, say } = await open()
    await issuer.rotate()
    await issuer.rotate()
    endpoint.fail('hang')
    const token = await issuer.token({ sub: 'alice' })
    client.send(`renew ${token}`)
    expect(await say(`renew ${token}`)).toBe('authentication_pending')
    expect(await say('still here')).toBe('still here')
    endpoint.recover()
    expect(await next()).toBe('renewed')
    await clock.advance(0)
    expect(await say(`renew ${token}`)).toBe('renewed')
  })

  it('comes too late when the first ends meanwhile', async () => {
    const { clock, issuer, endpoint, open, sockets, verifier } = await scene({}, { timeoutSeconds: 5000 })
    const { closed } = await open()
    const [socket] = sockets.clients as Set<WebSocket>
    const caller = callerOf(socket as WebSocket)
    await clock.advance(3600_000)
    await issuer.rotate()
    await issuer.rotate()
    endpoint.fail('hang')
    const renewing = caller.renew(await issuer.token({ sub: 'alice' }))
    const timers = clock.pendingTimers
    await clock.advance(5000)
    expect(await closed).toBe('4401 token_expired')
    endpoint.recover()
    expect(await renewing).toMatchObject({ refusal: { status: 401, code: 'session_over' } })
    expect(await caller.renew('anything')).toMatchObject({ refusal: { code: 'session_over' } })
    expect(clock.pendingTimers).toBeLessThan(timers)
    expect(await codeOf(verifier.ready())).toBe('none')
  })
})

describe('an application behind the guard of ws that fails', () => {
  it('fails as with ws alone: its error is uncaught, and nothing is written on the socket', async () => {
    const { port, issuer, sockets } = await scene()
    sockets.removeAllListeners('connection')
    sockets.on('connection', () => {
      throw new RangeError('a bug')
    })
    const token = await issuer.token()
    const { answer, uncaught } = await withUncaught(() => connected(port, token))
    expect(uncaught).toBeInstanceOf(RangeError)
    answer.client.ping()
    await once(answer.client, 'pong')
  })

  it('is answered 500 when the check of the verifier fails: a warning, and not the end of the process', async () => {
    const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const { port, issuer } = await scene(
      {},
      {
        check() {
          throw new RangeError('a secret')
        },
      },
    )
    const authorization = [`Bearer ${await issuer.token()}`]
    const answer = await shake(port, { authorization })
    expect(answer).toMatchObject({ status: 500 })
    expect(answer.body).not.toContain('secret')
    expect(warnings).toHaveBeenCalledExactlyOnceWith(expect.any(String), {
      code: 'KEYTURN_GUARD',
      detail: expect.stringContaining('RangeError'),
    })
  })

  it('refuses another token at which the check fails, and keeps the first', async () => {
    vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const check = ({ tenant }: TokenClaims) => {
      if (tenant === 'none') throw new RangeError('a secret')
      return true
    }
    const { issuer, open } = await scene({}, { check })
    const { say } = await open()
    expect(await say(`renew ${await issuer.token({ sub: 'alice', tenant: 'none' })}`)).toBe('internal_error')
    expect(await say('still here')).toBe('still here')
    expect(await say(`renew ${await issuer.token({ sub: 'alice' })}`)).toBe('renewed')
  })
})
