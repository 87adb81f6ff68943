import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLogger } from '../telemetry/logger.ts'
import { HTTP_LIMITS } from './limits.ts'
import { createListener, listen } from './listener.ts'

const DRIP_MS = 10
const limits = { ...HTTP_LIMITS, requestMs: 150, checkMs: 10, silenceMs: 200 }

let server: FastifyInstance
let port: number
let handled = 0
beforeAll(async () => {
  server = createListener(createLogger('silent'), limits)
  server.post('/', async () => 'done')
  server.get('/', async () => {
    handled++
    return 'done'
  })
  server.get('/large', async () => 'x'.repeat(64 * 1024 * 1024))
  port = Number(new URL(await listen(server, { host: '127.0.0.1', port: 0 })).port)
})
afterAll(() => server.close())

/** Connects, and resolves when the server has closed its end: what it answered. */
async function closing(talk: (socket: Socket) => void): Promise<string> {
  let answer = ''
  const accepted = once(server.server, 'connection') as Promise<[Socket]>
  const client = connect(port, '127.0.0.1')
  client.on('data', (chunk) => {
    answer += chunk
  })
  client.on('error', () => {})
  const [socket] = await accepted
  const closed = new Promise((resolve) => socket.once('close', resolve))
  talk(client)
  await closed
  client.destroy()
  return answer
}

/** Sends the beginning, and then a byte at a time for ever. */
const drip = (beginning: string) => (socket: Socket) => {
  socket.write(beginning)
  const timer = setInterval(() => socket.write('a'), DRIP_MS)
  socket.once('close', () => clearInterval(timer))
}

describe('slow clients (R53)', () => {
  it.each([
    ['says nothing', () => {}],
    ['stops within its headers', (socket: Socket) => socket.write('POST / HTTP/1.1\r\nHost: a\r\n')],
    ['drips its headers', drip('POST / HTTP/1.1\r\nHost: a\r\nX: ')],
    [
      'drips its body',
      drip('POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n'),
    ],
  ])('one that %s is told so, and let go', async (_, talk) => {
    const answer = await closing(talk)
    expect(answer).toMatch(/^HTTP\/1.1 408 /)
    expect(answer).toContain('"code":"request_unreadable"')
    expect(answer).toContain('within 10 s')
  })

  it('one that is told so, and goes on sending, is let go all the same', async () => {
    await closing((socket) => {
      socket.setNoDelay(true)
      socket.write('GET / HTTP/1.1\r\nHost: a\r\nX: ')
      const timer = setInterval(() => socket.write('a'), DRIP_MS)
      // does not hang up, though it was told to
      socket.allowHalfOpen = true
      socket.once('close', () => clearInterval(timer))
    })
  })

  it('one that does not read its answer is let go', async () => {
    await closing((socket) => {
      socket.pause()
      socket.write('GET /large HTTP/1.1\r\nHost: a\r\n\r\n')
    })
  })
})

describe('connections (R53)', () => {
  it('are hung up on beyond the limit, so that files are left for the ring', async () => {
    const few = createListener(createLogger('silent'), { ...limits, connections: 2 })
    const { port } = new URL(await listen(few, { host: '127.0.0.1', port: 0 }))
    const open = async () => {
      const client = connect(Number(port), '127.0.0.1').on('error', () => {})
      await once(client, 'connect')
      return client
    }
    const held = [await open(), await open()]
    const dropped = once(few.server, 'drop')
    const third = await open()
    await dropped
    for (const client of [...held, third]) client.destroy()
    await few.close()
  })
})

describe('requests of one connection before their answers (R53)', () => {
  const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
  const POSTED = 'GET / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}'
  const EXPECTING = REQUEST.replace('Host', 'Expect: anything\r\nHost')
  const send = (count: number, request = REQUEST) => closing((socket) => socket.end(request.repeat(count)))

  it('are all answered, as many as are allowed, and as often', async () => {
    const answer = await closing(async (socket) => {
      for (let i = 0; i < 3; i++) {
        socket.write(REQUEST.repeat(limits.pipelined))
        let answers = 0
        while (answers < limits.pipelined)
          answers += String(await once(socket, 'data')).split('200 OK').length - 1
      }
      socket.end()
    })
    expect(answer.match(/200 OK/g)).toHaveLength(3 * limits.pipelined)
  })

  it.each([
    [1, 'as they are', REQUEST],
    [20_000, 'as they are', REQUEST],
    [20_000, 'with an expectation', EXPECTING],
    [20_000, 'with a body', POSTED],
  ])('are handled up to the limit, and the connection ends at %i more, %s', async (more, _, request) => {
    handled = 0
    const answer = await send(limits.pipelined + more, request)
    expect(handled).toBe(limits.pipelined)
    expect(answer.match(/200 OK/g)?.length ?? 0).toBeLessThanOrEqual(limits.pipelined)
  })
})

describe('the host of a request (R53, RFC 9112, section 3.2)', () => {
  const answerTo = (...head: string[]) =>
    new Promise<string>((resolve, reject) => {
      let answer = ''
      const client = connect(port, '127.0.0.1', () =>
        client.write([...head, 'Connection: close', '', ''].join('\r\n')),
      )
      client.on('data', (chunk) => {
        answer += chunk
      })
      client.on('error', reject).on('close', () => resolve(answer))
    })

  it.each([
    ['is named twice', ['GET / HTTP/1.1', 'Host: a', 'Host: b']],
    ['is named twice alike', ['GET / HTTP/1.1', 'Host: a', 'host: a']],
    ['is another in the target', ['GET http://b/ HTTP/1.1', 'Host: a']],
    ['is another in the target, whatever its scheme', ['GET HTTPS://a.b/ HTTP/1.1', 'Host: a']],
    ['begins as another in the target', ['GET http://a@b/ HTTP/1.1', 'Host: a']],
    ['is in the target only', ['GET http://a/ HTTP/1.0']],
    ['is named, and is nothing', ['GET / HTTP/1.1', 'Host: a', 'Host:']],
  ])('that %s is refused', async (_, head) => {
    const answer = await answerTo(...head)
    expect(answer).toMatch(/^HTTP\/1.1 400 /)
    expect(answer).toContain('"code":"request_malformed"')
  })

  it.each([
    ['is named once', ['GET / HTTP/1.1', 'Host: a']],
    ['is the same in the target', ['GET http://A:1/ HTTP/1.1', 'Host: a:1']],
    ['is named by nobody, as HTTP/1.0 allows', ['GET / HTTP/1.0']],
  ])('that %s is taken', async (_, head) => {
    expect(await answerTo(...head)).toMatch(/^HTTP\/1.1 200 /)
  })
})

describe('an address that cannot be had (R53)', () => {
  it('comes with the remedy that fits it', async () => {
    const other = () => createListener(createLogger('silent'))
    await expect(listen(other(), { host: '127.0.0.1', port })).rejects.toMatchObject({
      code: 'address_unavailable',
      remedy: expect.stringContaining('another port'),
    })
    // an address for documentation, which no machine has
    await expect(listen(other(), { host: '203.0.113.1', port: 0 })).rejects.toMatchObject({
      code: 'address_unavailable',
      message: expect.stringContaining('203.0.113.1'),
      remedy: expect.stringMatching(/^give an address of this machine: --http-host/),
    })
  })
})
