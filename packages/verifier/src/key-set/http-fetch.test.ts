import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { httpFetch, type KeySetResponse } from './http-fetch.ts'
import { plainFormat, signedFormat } from './key-set-format.ts'

/** Whose own time-outs never come first. */
const PATIENT = { format: plainFormat({}), connectMs: 60_000, headersMs: 60_000, bodyMs: 60_000 }
const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function serve(listener: RequestListener, host = '127.0.0.1') {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, host, resolve))
  const { port } = server.address() as AddressInfo
  const url = new URL(`http://${host.includes(':') ? `[${host}]` : host}:${port}/jwks.json`)
  const fetch = httpFetch({ url, ...PATIENT })
  const ask = (etag?: string, timeoutMs = 2000) => fetch({ etag, signal: AbortSignal.timeout(timeoutMs) })
  return { server, url, ask }
}
const json = { 'content-type': 'application/jwk-set+json' }
const bodyOf = (response: KeySetResponse) =>
  response.status === 200 ? Buffer.from(response.body).toString() : undefined
function gate() {
  let open = () => {}
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { passed, open: () => open() }
}
/** What is told of a failure: its code, what was expected, and nothing of what was found. */
const EXPECTED: Readonly<Record<string, string>> = {
  fetch_media_type: 'the media type of a key set',
  fetch_encoding: 'no content encoding',
  fetch_too_large: 'at most 65536 bytes',
  fetch_timeout: 'an answer in time',
  fetch_network: 'the endpoint to answer',
}
const refused = (code: string, expected = EXPECTED[code]) =>
  expect.objectContaining({ name: 'KeySetFetchFailed', code, message: `expected ${expected}` })

describe('JWKSCache: an answer over HTTP (R33, R35)', () => {
  it('gives the body and the headers that say how long it is good', async () => {
    const { ask } = await serve((request, response) => {
      expect(request.headers).toMatchObject({ 'accept-encoding': 'identity', connection: 'close' })
      expect(request.headers).not.toHaveProperty('if-none-match')
      response.writeHead(200, { ...json, etag: '"1"', 'cache-control': 'max-age=900', age: '7' }).end('{}')
    })
    const response = await ask()
    expect(response).toMatchObject({ status: 200, etag: '"1"', cacheControl: 'max-age=900', age: '7' })
    expect(bodyOf(response)).toBe('{}')
  })

  it.each([
    ['"1"', '"1"'],
    ['W/"1"', 'W/"1"'],
    ['1', undefined],
    ['"ä"', undefined],
    [`"${'x'.repeat(256)}"`, `"${'x'.repeat(256)}"`],
    [`"${'x'.repeat(257)}"`, undefined],
  ])('keeps an ETag that can be sent back, and no other: %j', async (sent, kept) => {
    const { ask } = await serve((_, response) => response.writeHead(200, { ...json, etag: sent }).end('{}'))
    expect((await ask()).etag).toBe(kept)
  })

  it('asks with the ETag that it has, and takes 304 for an answer', async () => {
    const { ask } = await serve((request, response) => {
      expect(request.headers['if-none-match']).toBe('"1"')
      response.writeHead(304, { etag: '"1"', 'cache-control': 'max-age=60' }).end()
    })
    expect(await ask('"1"')).toEqual({ status: 304, etag: '"1"', cacheControl: 'max-age=60', age: undefined })
  })

  it('reaches an IPv6 loopback', async ({ skip }) => {
    const served = await serve((_, response) => response.writeHead(200, json).end('{}'), '::1').catch(
      () => null,
    )
    if (served === null) return skip('this machine has no IPv6')
    expect(bodyOf(await served.ask())).toBe('{}')
  })

  it.each(['application/json', 'application/json; charset=utf-8', 'APPLICATION/JWK-SET+JSON'])(
    'takes the media type %s',
    async (type) => {
      const { ask } = await serve((_, response) =>
        response.writeHead(200, { 'content-type': type }).end('{}'),
      )
      expect(bodyOf(await ask())).toBe('{}')
    },
  )

  it('takes 64 KiB to the byte', async () => {
    const { ask } = await serve((_, response) => response.writeHead(200, json).end('x'.repeat(65_536)))
    expect(bodyOf(await ask())).toHaveLength(65_536)
  })
})

describe('JWKSFetchError: an endpoint that misbehaves (R37)', () => {
  it.each([301, 302, 307, 308])('follows no redirect: %i', async (status) => {
    let asked = 0
    const { ask } = await serve((_, response) => {
      asked += 1
      response.writeHead(status, { ...json, location: '/elsewhere' }).end('{}')
    })
    await expect(ask()).rejects.toThrow(refused('fetch_status', `status 200, not ${status}`))
    expect(asked).toBe(1)
  })

  it.each([204, 206, 401, 404, 429, 500, 503])('refuses status %i', async (status) => {
    const { ask } = await serve((_, response) =>
      response.writeHead(status, 'Secret', json).end(status === 204 ? '' : '{"secret":1}'),
    )
    await expect(ask()).rejects.toMatchObject({
      code: 'fetch_status',
      message: `expected status 200, not ${status}`,
      status,
    })
  })

  it('asks for a signed set by its media type, and takes no other (R39)', async () => {
    const accepted: unknown[] = []
    let type = 'application/jwk-set+jwt'
    const { url } = await serve(({ headers }, response) => {
      accepted.push(headers.accept)
      response.writeHead(200, { 'content-type': type }).end('a.b.c')
    })
    const format = signedFormat({ issuer: 'https://auth.example', roots: new Map() })
    const ask = () =>
      httpFetch({ url, ...PATIENT, format })({ etag: undefined, signal: AbortSignal.timeout(2000) })
    expect(bodyOf(await ask())).toBe('a.b.c')
    type = 'application/jwk-set+json'
    await expect(ask()).rejects.toThrow(refused('fetch_media_type'))
    expect(accepted).toEqual(Array(2).fill('application/jwk-set+jwt, application/jwt'))
  })

  it('refuses a switch of protocols', async () => {
    const { server, ask } = await serve(() => {})
    server.on('connection', (socket: Socket) =>
      socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
    )
    await expect(ask()).rejects.toThrow(refused('fetch_network', 'an answer'))
  })

  it.each([undefined, 'text/html', 'text/json', 'application/jsonp'])(
    'refuses media type %s',
    async (type) => {
      const { ask } = await serve((_, response) =>
        response.writeHead(200, type === undefined ? {} : { 'content-type': type }).end('{}'),
      )
      await expect(ask()).rejects.toThrow(refused('fetch_media_type'))
    },
  )

  it('refuses a compressed body', async () => {
    const { ask } = await serve((_, response) =>
      response.writeHead(200, { ...json, 'content-encoding': 'gzip' }).end(gzipSync('{}')),
    )
    await expect(ask()).rejects.toThrow(refused('fetch_encoding'))
  })

  it('takes a body that says of itself that it is not compressed', async () => {
    const { ask } = await serve((_, response) =>
      response.writeHead(200, { ...json, 'content-encoding': 'identity' }).end('{}'),
    )
    expect(bodyOf(await ask())).toBe('{}')
  })

  it('stops reading at 64 KiB of an endless body, and hangs up', async () => {
    let sent = 0
    const closed = gate()
    const { ask } = await serve((_, response) => {
      response.writeHead(200, json).on('close', closed.open)
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(16_384))) sent += 16_384
      }
      response.on('drain', more)
      more()
    })
    await expect(ask()).rejects.toThrow(refused('fetch_too_large'))
    await closed.passed
    expect(sent).toBeLessThan(64 * 1024 * 1024)
  })

  it('hangs up on an endless body that it has no use for', async () => {
    const closed = gate()
    const { ask } = await serve((_, response) => {
      response.writeHead(503, json).on('close', closed.open)
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(16_384)));
      }
      response.on('drain', more)
      more()
    })
    await expect(ask(undefined, 60_000)).rejects.toThrow(refused('fetch_status', 'status 200, not 503'))
    await closed.passed
  })

  it('refuses a body that is cut off', async () => {
    const { ask } = await serve((_, response) => {
      response.writeHead(200, { ...json, 'content-length': '100' }).write('{"keys":[]}')
      setImmediate(() => response.destroy())
    })
    await expect(ask()).rejects.toThrow(refused('fetch_network'))
  })

  it('refuses a chunked body without its end', async () => {
    const { ask } = await serve((_, response) => {
      response.writeHead(200, json).write('{"keys":[]}', () => response.socket?.end())
    })
    await expect(ask()).rejects.toThrow(refused('fetch_network'))
  })

  it('refuses what is not HTTP, and headers without end', async () => {
    const { server, ask } = await serve(() => {})
    server.on('connection', (socket: Socket) => socket.end(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(100_000)}`))
    await expect(ask()).rejects.toThrow(refused('fetch_network'))
  })

  it('gives up on an endpoint that takes the question and says nothing', async () => {
    const { ask } = await serve(() => {})
    await expect(ask(undefined, 50)).rejects.toThrow(refused('fetch_timeout'))
  })

  it('gives up on an answer that drips', async () => {
    const closed = gate()
    const { ask } = await serve((_, response) => {
      response.writeHead(200, json)
      const drip = setInterval(() => response.write(' '), 5)
      response.on('close', () => {
        clearInterval(drip)
        closed.open()
      })
    })
    await expect(ask(undefined, 100)).rejects.toThrow(refused('fetch_timeout'))
    await closed.passed
  })

  it('says so when nobody listens, and what the system said of it', async () => {
    const { server, ask } = await serve(() => {})
    await new Promise((resolve) => server.close(resolve))
    await expect(ask()).rejects.toThrow(refused('fetch_network'))
    await expect(ask()).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } })
  })

  it('asks nobody when it is too late already', async () => {
    let asked = 0
    const { url } = await serve(() => asked++)
    const late = httpFetch({ url, ...PATIENT })({ etag: undefined, signal: AbortSignal.abort() })
    await expect(late).rejects.toThrow(refused('fetch_timeout'))
    await expect(late).rejects.toMatchObject({ cause: { name: 'AbortError' } })
    expect(asked).toBe(0)
  })
})

describe('JWKSAuthentication: whom to trust (R33)', () => {
  it.each(['', 'no certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'])(
    'refuses a ca that is no certificate: %j',
    (ca) => {
      expect(() => httpFetch({ url: new URL('https://auth.example'), ...PATIENT, ca })).toThrow(
        expect.objectContaining({ code: 'verifier_options_invalid' }),
      )
    },
  )
})

describe('JWKSFetchError: an endpoint that is slow in one phase (R37)', () => {
  async function ask(phase: 'connectMs' | 'headersMs' | 'bodyMs', url: URL) {
    const fetch = httpFetch({ url, ...PATIENT, [phase]: 50 })
    return await fetch({ etag: undefined, signal: AbortSignal.timeout(30_000) }).then(
      ({ status }) => status,
      ({ code, message }) => `${code}: ${message}`,
    )
  }
  const late = (phase: string) => `fetch_${phase}_timeout: expected the endpoint to be faster`

  it('is given up on when TLS comes to nothing', async () => {
    const deaf = createTcpServer(() => {})
    await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve))
    const { port } = deaf.address() as AddressInfo
    expect(await ask('connectMs', new URL(`https://127.0.0.1:${port}/`))).toBe(late('connect'))
    deaf.close()
  })

  it('is given up on when no headers come', async () => {
    const { url } = await serve(() => {})
    expect(await ask('headersMs', url)).toBe(late('headers'))
  })

  it('is given up on when the body drips, however steadily', async () => {
    const { url } = await serve((_, response) => {
      response.writeHead(200, json)
      const drip = setInterval(() => response.write(' '), 5)
      response.on('close', () => clearInterval(drip))
    })
    expect(await ask('bodyMs', url)).toBe(late('body'))
  })

  it('is none where it has longer than a timer can hold', async () => {
    const { url } = await serve(
      (_, response) => void setImmediate(() => response.writeHead(200, json).end('{}')),
    )
    const months = { connectMs: 2 ** 32, headersMs: 2 ** 32, bodyMs: 2 ** 32 }
    const question = { etag: undefined, signal: AbortSignal.timeout(30_000) }
    expect((await httpFetch({ url, ...PATIENT, ...months })(question)).status).toBe(200)
  })

  it('is none when it answers in time, and leaves no timer behind', async () => {
    const { url } = await serve((_, response) => response.writeHead(200, json).end('{}'))
    const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    for (const phase of ['connectMs', 'headersMs', 'bodyMs'] as const) {
      const fetch = httpFetch({ url, ...PATIENT, [phase]: 10_000 })
      expect((await fetch({ etag: undefined, signal: new AbortController().signal })).status).toBe(200)
    }
    await new Promise((resolve) => setImmediate(resolve))
    expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length).toBeLessThanOrEqual(
      before,
    )
  })
})
