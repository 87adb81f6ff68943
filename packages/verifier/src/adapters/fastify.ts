import { definedIn, ownOptions, type Session } from '@keyturn/core'
import type { FastifyContextConfig, FastifyPluginAsync } from 'fastify'
import { type BearerGuard, type BearerOptions, bearerGuard, isRefusal } from '../access/bearer.ts'
import type { TokenVerifier } from '../token-verifier.ts'
import { answerTo, authorizationOf } from './http-answer.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who speaks; `null` on a route that the {@link guard} was told to leave open. */
    caller: Session | null
  }
  interface FastifyContextConfig {
    /** What this route asks for instead of what the guard does by default, rule by rule; `false` leaves it open. */
    bearer?: BearerOptions | false
  }
}

/** What the {@link guard} is registered with: its verifier, and what a route asks for that says nothing else. */
export interface GuardPluginOptions extends BearerOptions {
  readonly verifier: TokenVerifier
}

/**
 * A plugin that guards every route of the instance that it is registered on, and of those below: only requests with a good
 * Bearer token go on, with who speaks in `request.caller`. Others are answered 400, 401, 403, or 503 while keys cannot be
 * had, before their body is read. Bugs go to the error handler of the application.
 *
 * Registering fails with `guard_options_invalid` when the options of the plugin are wrong; so does a route with its own.
 *
 * @example
 * await app.register(guard, { verifier })
 * app.get('/orders', { config: { bearer: { scopes: ['orders:read'] } } }, (request) => request.caller)
 * app.get('/livez', { config: { bearer: false } }, () => 'ok')
 */
export const guard: FastifyPluginAsync<GuardPluginOptions> = Object.assign(
  async (...[app, given]: Parameters<FastifyPluginAsync<GuardPluginOptions>>) => {
    const { verifier, ...defaults } = ownOptions(given, 'guard_options_invalid')
    const guardOfAll = bearerGuard(verifier, defaults)
    const guards = new WeakMap<FastifyContextConfig, BearerGuard>()
    const guardOf = (config: FastifyContextConfig): BearerGuard => {
      const bearer = bearerOf(config)
      if (!bearer) return guardOfAll
      const known = guards.get(config)
      if (known !== undefined) return known
      // what a route says `undefined` of is asked for by default
      const own = definedIn(ownOptions(bearer, 'guard_options_invalid'))
      const made = bearerGuard(verifier, { ...defaults, ...own })
      guards.set(config, made)
      return made
    }

    if (!app.hasRequestDecorator('caller')) app.decorateRequest('caller', null)
    // a route that means nothing is to fail when it is made, not when it is asked
    app.addHook('onRoute', ({ config = {} }) => void guardOf(config))
    app.addHook('onRequest', async (request, reply) => {
      const { config } = request.routeOptions
      if (bearerOf(config) === false) return
      const outcome = await guardOf(config).decide(authorizationOf(request.raw))
      if (isRefusal(outcome)) {
        const { status, headers, body } = answerTo(outcome.refusal)
        return await reply.code(status).headers(headers).send(body)
      }
      request.caller = outcome.session
    })
  },
  {
    // what fastify-plugin does: hooks and decorators count for who registers the plugin, not for the plugin alone
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: '@keyturn/verifier',
    [Symbol.for('plugin-meta')]: { name: '@keyturn/verifier', fastify: '5.x' },
  },
)

/** What a route says of itself, whatever was put into every object of the process. */
function bearerOf(config: FastifyContextConfig): FastifyContextConfig['bearer'] {
  return Object.hasOwn(config, 'bearer') ? config.bearer : undefined
}
