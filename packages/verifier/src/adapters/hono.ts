import type { Session } from '@keyturn/core'
import type { MiddlewareHandler } from 'hono'
import { type BearerOptions, bearerGuard, isRefusal } from '../access/bearer.ts'
import type { TokenVerifier } from '../token-verifier.ts'
import { answerTo } from './http-answer.ts'

/** What the guard adds to the context: `c.var.caller`. */
export interface GuardEnv {
  Variables: {
    /** Who speaks. */
    caller: Session
  }
}

/**
 * Lets only requests with a good Bearer token go on, with who speaks in `c.var.caller`. Others are answered 400, 401, 403, or
 * 503 while keys cannot be had. Bugs go to `app.onError`.
 *
 * @throws {KeyturnError} `guard_options_invalid`
 *
 * @example
 * app.get('/orders', guard(verifier, { scopes: ['orders:read'] }), (c) => c.text(`hello ${c.var.caller.userId}`))
 */
export function guard(verifier: TokenVerifier, options: BearerOptions = {}): MiddlewareHandler<GuardEnv> {
  const bearer = bearerGuard(verifier, options)
  return async (context, next) => {
    // several headers come joined by commas, which no credentials of one token hold
    const authorization = context.req.header('authorization')
    const values = authorization === undefined ? [] : [authorization]
    const outcome = await bearer.decide(values)
    if (isRefusal(outcome)) {
      const { body, ...init } = answerTo(outcome.refusal)
      return new Response(body, init)
    }
    context.set('caller', outcome.session)
    return await next()
  }
}
