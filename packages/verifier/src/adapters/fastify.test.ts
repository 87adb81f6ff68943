import { guardConformance } from '@keyturn/testing'
import fastify from 'fastify'
import { describe, expect, it } from 'vitest'
import type { BearerOptions } from '../access/bearer.ts'
import { openVerifier } from '../open-verifier.fixture.ts'
import { guard } from './fastify.ts'
import { ask, nameOf } from './serve.fixture.ts'

/** An application whose routes say who speaks: `/` as the guard has it, the others as they are given. */
async function guarded(defaults: BearerOptions, routes: Record<string, BearerOptions | false> = {}) {
  const { verifier, issuer } = await openVerifier()
  const app = fastify()
  app.register(guard, { verifier, ...defaults })
  app.register(async (inner) => {
    inner.get('/', ({ caller }) => nameOf(caller))
    for (const [path, bearer] of Object.entries(routes)) {
      inner.get(path, { config: { bearer } }, ({ caller }) => nameOf(caller))
    }
  })
  const inject = async (url: string, claims?: object) => {
    const headers = claims === undefined ? {} : { authorization: `Bearer ${await issuer.token(claims)}` }
    const { statusCode, body } = await app.inject({ url, headers })
    return statusCode === 200 ? body : JSON.parse(body).code
  }
  return { app, inject }
}

describe('guard of Fastify (R40, R42, R43, RFC 6750)', () => {
  it.each(guardConformance)('$name', async ({ run }) => {
    await run(async (verifier, options) => {
      const app = fastify()
      await app.register(guard, { verifier, ...options })
      app.get('/', ({ caller }) => nameOf(caller))
      const { port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }))
      return { ask: (question) => ask(Number(port), question), close: () => app.close() }
    })
  })

  it('is asked rule by rule by a route, and leaves open only what says so', async () => {
    const { inject } = await guarded(
      { requireVerified: true, scopes: ['read'] },
      { '/write': { scopes: ['write'] }, '/anybody': { requireVerified: false }, '/open': false },
    )
    const [verified, unverified] = [{ sub: 'a' }, { sub: 'b', verified: false }]
    expect(await inject('/', verified)).toBe('a')
    expect(await inject('/', unverified)).toBe('user_unverified')
    expect(await inject('/write', verified)).toBe('scope_missing')
    expect(await inject('/write', { ...verified, scope: 'write' })).toBe('a')
    expect(await inject('/write', { ...unverified, scope: 'write' })).toBe('user_unverified')
    expect(await inject('/anybody', unverified)).toBe('b')
    expect(await inject('/open')).toBe('nobody')
    expect(await inject('/nowhere')).toBe('token_missing')
  })

  it('asks by default where a route says undefined, as elsewhere', async () => {
    const undefinedRoles = { scopes: ['read'], roles: undefined } as never
    const { inject } = await guarded({ roles: ['admin'] }, { '/report': undefinedRoles })
    expect(await inject('/report', { sub: 'a', scope: 'read', role: 1 })).toBe('role_refused')
    expect(await inject('/report', { sub: 'a', scope: 'other', role: 2 })).toBe('scope_missing')
    expect(await inject('/report', { sub: 'a', scope: 'read', role: 2 })).toBe('a')
  })

  it('guards also a route that was made before it was ready', async () => {
    const { verifier } = await openVerifier()
    const app = fastify()
    app.register(guard, { verifier })
    app.get('/', { config: { bearer: { scopes: ['read'] } } }, () => 'let through')
    expect((await app.inject('/')).statusCode).toBe(401)
  })

  it('counts for the instance that it is registered on and those below, each with its own rules', async () => {
    const { verifier, issuer } = await openVerifier()
    const app = fastify()
    app.get('/beside', () => 'open')
    app.register(async (inner) => {
      await inner.register(guard, { verifier })
      inner.get('/inner', ({ caller }) => nameOf(caller))
      inner.register(async (innermost) => {
        await innermost.register(guard, { verifier, roles: ['admin'] })
        innermost.get('/innermost', ({ caller }) => nameOf(caller))
      })
    })
    const headers = { authorization: `Bearer ${await issuer.token({ sub: 'alice' })}` }
    expect((await app.inject('/beside')).body).toBe('open')
    expect((await app.inject('/inner')).statusCode).toBe(401)
    expect((await app.inject({ url: '/inner', headers })).body).toBe('alice')
    expect((await app.inject({ url: '/innermost', headers })).statusCode).toBe(403)
  })

  it('refuses before the body is read', async () => {
    const { app } = await guarded({})
    app.after(() => app.post('/', () => 'let through'))
    const headers = { 'content-type': 'application/json' }
    const { statusCode } = await app.inject({ method: 'POST', url: '/', headers, payload: '{' })
    expect(statusCode).toBe(401)
  })

  it('does not start with a route whose rules mean nothing', async () => {
    for (const wrong of [{ scope: ['a'] } as BearerOptions, Object.create({ scopes: ['a'] })]) {
      const { app } = await guarded({}, { '/wrong': wrong })
      await expect(app.ready()).rejects.toMatchObject({ code: 'guard_options_invalid' })
    }
  })

  it('hands bugs to the error handler of the application', async () => {
    const { verifier, issuer } = await openVerifier({
      check() {
        throw new RangeError('a bug')
      },
    })
    const app = fastify()
    app.setErrorHandler((error: Error, _, reply) => reply.code(500).send(error.name))
    await app.register(guard, { verifier })
    app.get('/', () => 'let through')
    const headers = { authorization: `Bearer ${await issuer.token()}` }
    const { statusCode, body } = await app.inject({ url: '/', headers })
    expect([statusCode, body]).toEqual([500, 'RangeError'])
  })
})
