import { createServer } from 'node:http'
import { guardConformance } from '@keyturn/testing'
import express, { type ErrorRequestHandler, type Request } from 'express'
import { describe, expect, it } from 'vitest'
import { openVerifier } from '../open-verifier.fixture.ts'
import { guard } from './express.ts'
import { nameOf, served } from './serve.fixture.ts'

describe('guard of Express (R40, R42, R43, RFC 6750)', () => {
  it.each(guardConformance)('$name', async ({ run }) => {
    await run(async (verifier, options) => {
      const app = express()
      app.use(guard(verifier, options))
      app.get('/', (request, response) => void response.send(nameOf(request.caller)))
      return await served(createServer(app))
    })
  })

  it('guards the routes that it stands before, and no others', async () => {
    const { verifier, issuer } = await openVerifier()
    const app = express()
    const caller = ({ caller }: Request) => nameOf(caller)
    const router = express.Router().use(guard(verifier, { scopes: ['write'] }))
    router.get('/', (request, response) => void response.send(caller(request)))
    app.use((request, _, next) => (request.query.open === undefined ? router(request, _, next) : next()))
    app.get('/', (request, response) => void response.send(caller(request)))
    const server = await served(createServer(app))
    const authorization = [`Bearer ${await issuer.token()}`]
    expect(await server.ask({ authorization })).toMatchObject({ status: 403 })
    expect(await server.ask({ authorization, query: '?open' })).toMatchObject({ status: 200, body: 'nobody' })
    await server.close()
  })

  it('hands bugs to the error handlers of the application', async () => {
    const { verifier, issuer } = await openVerifier({
      check() {
        throw new RangeError('a bug')
      },
    })
    const app = express()
    const handled: unknown[] = []
    const handler: ErrorRequestHandler = (error, _request, response, _next) => {
      handled.push(error)
      response.status(500).end('sorry')
    }
    app.get('/', guard(verifier), (_, response) => void response.send('let through'))
    app.use(handler)
    const server = await served(createServer(app))
    const answer = await server.ask({ authorization: [`Bearer ${await issuer.token()}`] })
    await server.close()
    expect(answer).toMatchObject({ status: 500, body: 'sorry' })
    expect(handled).toEqual([expect.any(RangeError)])
  })

  it('calls no handler for a client that went away meanwhile', async () => {
    const { verifier } = await openVerifier()
    const gone = { destroyed: true } as never
    let calls = 0
    await guard(verifier)({ rawHeaders: [] } as never, gone, () => {
      calls += 1
    })
    expect(calls).toBe(0)
  })
})
