import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Session } from '@keyturn/core'
import { type BearerOptions, bearerGuard, isRefusal } from '../access/bearer.ts'
import type { TokenVerifier } from '../token-verifier.ts'
import { answerTo, authorizationOf } from './http-answer.ts'
import { send } from './node-http.ts'

declare global {
  namespace Express {
    interface Request {
      /** Who speaks, on routes behind a {@link guard}. */
      caller?: Session
    }
  }
}

/** Middleware of Express 5, and of whatever else calls `(request, response, next)` and takes a promise for an answer. */
export type GuardMiddleware = (
  request: IncomingMessage & { caller?: Session },
  response: ServerResponse,
  next: () => void,
) => Promise<void>

/**
 * Lets only requests with a good Bearer token go on, with who speaks in `request.caller`. Others are answered 400, 401, 403,
 * or 503 while keys cannot be had. Bugs go to the error handlers of the application.
 *
 * @throws {KeyturnError} `guard_options_invalid`
 *
 * @example
 * app.get('/orders', guard(verifier, { scopes: ['orders:read'] }), (request, response) => {
 *   response.send(`hello ${request.caller?.userId}`)
 * })
 */
export function guard(verifier: TokenVerifier, options: BearerOptions = {}): GuardMiddleware {
  const bearer = bearerGuard(verifier, options)
  return async (request, response, next) => {
    const outcome = await bearer.decide(authorizationOf(request))
    // whoever went away meanwhile sends no more 'close': a handler would wait for it in vain
    if (response.destroyed) return
    if (isRefusal(outcome)) return send(response, answerTo(outcome.refusal))
    request.caller = outcome.session
    next()
  }
}
