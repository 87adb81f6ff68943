import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { guardConformance } from '@keyturn/testing'
import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { openVerifier } from '../open-verifier.fixture.ts'
import { type GuardEnv, guard } from './hono.ts'
import { nameOf, served } from './serve.fixture.ts'

describe('guard of Hono (R40, R42, R43, RFC 6750)', () => {
  it.each(guardConformance)('$name', async ({ run }) => {
    await run(async (verifier, options) => {
      const app = new Hono<GuardEnv>()
        .use(guard(verifier, options))
        .get('/', (c) => c.text(nameOf(c.var.caller)))
      return await served(createServer(getRequestListener(app.fetch)))
    })
  })

  it('gives its route a caller that is there, also without a server', async () => {
    const { verifier, issuer } = await openVerifier()
    const app = new Hono().get('/', guard(verifier), (c) => c.json(c.var.caller.scopes))
    const headers = { authorization: `Bearer ${await issuer.token({ scope: 'a b' })}` }
    expect(await (await app.request('/', { headers })).json()).toEqual(['a', 'b'])
    expect((await app.request('/')).status).toBe(401)
  })

  it('hands bugs to the error handler of the application', async () => {
    const { verifier, issuer } = await openVerifier({
      check() {
        throw new RangeError('a bug')
      },
    })
    const app = new Hono()
      .onError((error, c) => c.text(error.name, 500))
      .get('/', guard(verifier), (c) => c.text('in'))
    const headers = { authorization: `Bearer ${await issuer.token()}` }
    const answer = await app.request('/', { headers })
    expect([answer.status, await answer.text()]).toEqual([500, 'RangeError'])
  })
})
