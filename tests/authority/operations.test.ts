import { rm } from 'node:fs/promises'
import { request } from 'node:http'
import { connect } from 'node:net'
import { describe, expect, it, vi } from 'vitest'
import { jsonOf, runAuthority } from './running-authority.ts'

const askAs = (url: string, host: string) =>
  new Promise<number>((resolve, reject) => {
    request(url, { headers: { host } }, (response) => resolve(response.resume().statusCode ?? 0))
      .on('error', reject)
      .end()
  })

describe('health and metrics (R51, R52)', () => {
  it('says short things to everybody, and details to operators', async () => {
    const authority = await runAuthority()
    for (const path of ['/livez', '/readyz', '/health']) {
      expect(await jsonOf(await fetch(authority.url + path))).toEqual({ status: 'ok' })
    }
    expect((await fetch(`${authority.url}/metrics`)).status).toBe(404)
    expect(await jsonOf(await fetch(`${authority.adminUrl}/health/details`))).toMatchObject({
      status: 'ok',
      nextKeyReady: true,
      generation: 1,
      keys: [{ state: 'active' }, { state: 'next' }],
    })
    await authority.close()
  })

  it('counts what it does, with no label that grows with its callers', async () => {
    const authority = await runAuthority()
    await authority.askForToken('grant_type=client_credentials')
    await fetch(`${authority.url}/.well-known/jwks.json`)
    const text = await (await fetch(`${authority.adminUrl}/metrics`)).text()
    for (const line of [
      'keyturn_tokens_issued_total{kind="access"} 1',
      'keyturn_signatures_total{alg="EdDSA"} 1',
      'keyturn_jwks_requests_total{status="200"} 1',
      'keyturn_rotations_total{status="success"} 0',
      'keyturn_rotations_total{status="failure"} 0',
      'keyturn_published_keys 2',
      'keyturn_next_key_ready 1',
      'keyturn_ring_integrity 1',
      'keyturn_rotation_failures_consecutive 0',
    ]) {
      expect(text).toContain(`${line}\n`)
    }
    for (const name of [
      'process_cpu_seconds_total',
      'process_resident_memory_bytes',
      'nodejs_eventloop_lag_seconds',
    ]) {
      expect(text).toContain(name)
    }
    expect(text).not.toContain(authority.clientId)
    await authority.close()
  })

  it('has metrics also when the data folder is gone, which is when they matter', async () => {
    const authority = await runAuthority()
    await rm(authority.dataDir, { recursive: true })
    const text = await vi.waitFor(async () => {
      const response = await fetch(`${authority.adminUrl}/metrics`)
      expect(response.status).toBe(200)
      const it = await response.text()
      expect(it).toContain('keyturn_data_volume_used_ratio Nan\n')
      return it
    }, 10_000)
    expect(text).toContain('keyturn_published_keys 2\n')
    expect(text).toMatch(/^keyturn_ring_integrity [01]$/m)
    await authority.close()
  })

  it('refuses a Host on the admin listener that a page could have made up', async () => {
    const authority = await runAuthority()
    const metrics = `${authority.adminUrl}/metrics`
    for (const host of ['localhost:9011', 'LOCALHOST', '127.0.0.1', '[::1]:9011', '10.0.0.7:9011']) {
      expect(await askAs(metrics, host)).toBe(200)
    }
    for (const host of ['evil.example', 'localhost.evil.example', 'a b', 'evil@localhost', 'localhost.'])
      expect(await askAs(metrics, host), host).toBe(403)
    await authority.close()
  })
})

describe('what is no request (R53)', () => {
  const send = (url: string, bytes: string) =>
    new Promise<string>((resolve, reject) => {
      let answer = ''
      const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(bytes))
      socket.on('data', (chunk) => {
        answer += chunk
      })
      socket.on('close', () => resolve(answer)).on('error', reject)
    })

  it('is refused in the shape of every other refusal, and the authority goes on', async () => {
    const authority = await runAuthority()
    const twice = 'Transfer-Encoding: chunked\r\nContent-Length: 3'
    for (const [bytes, status] of [
      ['BROKEN\r\n\r\n', 400],
      [`POST /oauth2/token HTTP/1.1\r\nHost: a\r\n${twice}\r\n\r\n`, 400],
      [`GET /livez HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
    ] as const) {
      const [head = '', body = ''] = (await send(authority.url, bytes)).split('\r\n\r\n')
      expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} .*application/problem\\+json`, 's'))
      expect(JSON.parse(body)).toMatchObject({ status, code: 'request_unreadable' })
    }
    expect((await fetch(`${authority.url}/livez`)).status).toBe(200)
    await authority.close()
  })
})

describe('start and stop (R53)', () => {
  it('says which address is taken, and leaves nothing behind', async () => {
    const authority = await runAuthority()
    const port = new URL(authority.url).port
    await expect(runAuthority({ KEYTURN_HTTP_PORT: port })).rejects.toMatchObject({
      code: 'address_unavailable',
      message: expect.stringContaining(port),
    })
    await authority.close()
  })

  it('answers what is under way when it is told to stop, and stops twice as well as once', async () => {
    const authority = await runAuthority()
    const form = 'grant_type=client_credentials'
    const status = await new Promise((resolve, reject) => {
      const asked = request(`${authority.url}/oauth2/token`, {
        method: 'POST',
        headers: {
          authorization: authority.basic,
          'content-type': 'application/x-www-form-urlencoded',
          'content-length': form.length,
          expect: '100-continue',
        },
      })
      // the server has the headers and waits for the form
      asked.on('continue', () => {
        void Promise.all([authority.close(), authority.close()])
        asked.end(form)
      })
      asked.on('response', (response) => resolve(response.resume().statusCode))
      asked.on('error', reject)
      asked.flushHeaders()
    })
    expect(status).toBe(200)
    await authority.close()
    await expect(fetch(`${authority.url}/livez`)).rejects.toThrow()
  })
})
