import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { KeyturnError, type Session } from '@keyturn/core'
import {
  type BearerGuard,
  type BearerOptions,
  bearerGuard,
  isRefusal,
  orInternalError,
} from '../access/bearer.ts'
import type { TokenVerifier } from '../token-verifier.ts'
import { answerTo, authorizationOf, BUG_ANSWER, type HttpAnswer, throwUncaught } from './http-answer.ts'

/** Answers a request whose token was good. */
export type GuardedListener = (
  request: IncomingMessage,
  response: ServerResponse,
  session: Session,
) => void | Promise<void>

/**
 * Lets only requests with a good Bearer token through (RFC 6750). Others are answered 400, 401, 403, or 503 while keys
 * cannot be had. A listener that fails is answered 500, and its error goes to `uncaughtException` as with node:http; a `check` of the
 * verifier that fails is answered 500, too, and becomes a warning of the process (`KEYTURN_GUARD`).
 *
 * @throws {KeyturnError} `guard_options_invalid`
 *
 * @example
 * createServer(guard(verifier, { scopes: ['orders:read'] }, (request, response, session) => {
 *   response.end(`hello ${session.userId}`)
 * })).listen(8080)
 */
export function guard(
  verifier: TokenVerifier,
  options: BearerOptions,
  listener: GuardedListener,
): RequestListener {
  const bearer = bearerGuard(verifier, options)
  if (typeof listener !== 'function') {
    throw new KeyturnError('guard_options_invalid', 'listener: expected a function that answers')
  }
  return (request, response) => {
    void admit(bearer, listener, request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy()
      else sendInstead(response, BUG_ANSWER)
      throwUncaught(error)
    })
  }
}

async function admit(
  bearer: BearerGuard,
  listener: GuardedListener,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const outcome = await orInternalError(bearer.decide(authorizationOf(request)))
  // whoever went away meanwhile sends no more 'close': a listener would wait for it in vain
  if (response.destroyed) return
  if (isRefusal(outcome)) send(response, answerTo(outcome.refusal))
  else await listener(request, response, outcome.session)
}

/** What a listener has said of the answer that it did not come to give is not said of this one. */
function sendInstead(response: ServerResponse, answer: HttpAnswer): void {
  for (const name of response.getHeaderNames()) response.removeHeader(name)
  send(response, answer)
}

/** Answers with node:http. */
export function send(response: ServerResponse, { status, headers, body }: HttpAnswer): void {
  response.writeHead(status, headers)
  response.end(body)
}
