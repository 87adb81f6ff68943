import { once } from 'node:events'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type ListeningIssuer, type TestIssuer, testIssuer } from '@keyturn/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { type DocumentPage, readPage, root } from './document.ts'
import { freePort, startScript, stopAll } from './end-to-end/processes.ts'

/** Below the root, so that snippets find the packages as a user's code does. */
const snippets = join(root, 'node_modules/.cache/guards')

let page: DocumentPage
let issuer: TestIssuer
let served: ListeningIssuer
beforeAll(async () => {
  page = await readPage('docs/guards.md')
  await mkdir(snippets, { recursive: true })
  issuer = await testIssuer({ cacheControl: 'max-age=1' })
  served = await issuer.listen()
})
afterEach(stopAll)
afterAll(async () => {
  await served.close()
  await rm(snippets, { recursive: true, force: true })
})

/** Runs an example as its reader would, on a port of its own. */
async function start(name: string): Promise<number> {
  const port = await freePort()
  const code = `${page.block('beginning')}${page.block(name).replaceAll('8080', String(port))}`
  // it says that it is up once somebody can connect
  const ready = `
    const { connect } = await import('node:net')
    const isUp = () => new Promise((resolve) => {
      const socket = connect(${port}, '127.0.0.1', () => { socket.destroy(); resolve(true) })
      socket.once('error', () => setImmediate(resolve, false))
    })
    while (!(await isUp()));
    console.log('{}')`
  await writeFile(join(snippets, `${name}.mjs`), code + ready)
  const env = { ...served.env, KEYTURN_VERIFIER_MIN_CACHE: '1s' }
  await startScript(pathToFileURL(join(snippets, `${name}.mjs`)).href, env)
  return port
}

const bearing = async (claims: object) => ({ authorization: `Bearer ${await issuer.token(claims)}` })

describe('guards as documented (R43, R66)', () => {
  it.each(['express', 'fastify', 'hono'])('work in %s', async (name) => {
    const port = await start(name)
    const ask = async (path: string, headers = {}) => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers })
      return `${answer.status} ${await answer.text()}`
    }
    expect(await ask('/livez')).toBe('200 ok')
    expect(await ask('/orders')).toMatch(/^401 .*token_missing/)
    expect(await ask('/orders', await bearing({ sub: 'alice', scope: 'other' }))).toMatch(
      /^403 .*scope_missing/,
    )
    expect(await ask('/orders', await bearing({ sub: 'alice', scope: 'orders:read' }))).toBe(
      '200 orders of alice',
    )
  })

  it('work on a WebSocket, from a browser too, and take another token in band', async () => {
    const port = await start('ws')
    const token = await issuer.token({ sub: 'alice', scope: 'orders:read' })
    const [, offer = ''] = /new WebSocket\('.*', (\[.*\])\)/.exec(page.text) ?? []
    const protocols = JSON.parse(offer.replace(/`(.*)\$\{token\}`/, `'$1${token}'`).replaceAll("'", '"'))
    const client = new WebSocket(`ws://127.0.0.1:${port}`, protocols)
    await once(client, 'open')
    const say = async (message: object) => {
      client.send(JSON.stringify(message))
      return JSON.parse(String((await once(client, 'message'))[0]))
    }
    expect(client.protocol).toBe('orders.v1')
    expect(await say({})).toEqual({ orders: 'of alice' })
    expect(await say({ token })).toEqual({ renewed: true })
    expect(await say({ token: await issuer.token({ sub: 'bob', scope: 'orders:read' }) })).toEqual({
      renewed: 'caller_changed',
    })
    client.terminate()
  })

  it('have a stream end with the key of its token', async () => {
    const port = await start('stream')
    expect((await fetch(`http://127.0.0.1:${port}`)).status).toBe(401)
    const answer = await fetch(`http://127.0.0.1:${port}`, { headers: await bearing({ sub: 'alice' }) })
    await issuer.revoke()
    expect(await answer.text()).toBe('data: alice\n\n')
  })
})
