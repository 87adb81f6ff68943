import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Session } from '@keyturn/core'
import { authenticateBearer, type BearerOptions } from '../bearer.ts'
import type { Verifier } from '../verifier.ts'

/** Answers a request whose token was good. */
export type GuardedListener = (
  request: IncomingMessage,
  response: ServerResponse,
  session: Session,
) => void | Promise<void>

/**
 * Lets only requests with a good Bearer token through (RFC 6750). Others are answered 400, 401, 403, or 503 while keys
 * cannot be had. A listener that fails is answered 500, and its error goes to `uncaughtException` as with node:http.
 *
 * @example
 * createServer(guard(verifier, { scopes: ['orders:read'] }, (request, response, session) => {
 *   response.end(`hello ${session.userId}`)
 * })).listen(8080)
 */
export function guard(
  verifier: Verifier,
  options: BearerOptions,
  listener: GuardedListener,
): RequestListener {
  return (request, response) => {
    void admit(verifier, options, listener, request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy()
      else answer(response, 500, { code: 'internal_error', detail: 'something went wrong here' })
      queueMicrotask(() => {
        throw error
      })
    })
  }
}

async function admit(
  verifier: Verifier,
  options: BearerOptions,
  listener: GuardedListener,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const outcome = await authenticateBearer(verifier, request.headersDistinct.authorization ?? [], options)
  // whoever went away meanwhile sends no more 'close': a listener would wait for it in vain
  if (response.destroyed) return
  if ('session' in outcome) return await listener(request, response, outcome.session)
  const { status, code, detail, headers } = outcome.refusal
  answer(response, status, { code, detail }, headers)
}

function answer(
  response: ServerResponse,
  status: number,
  problem: { readonly code: string; readonly detail: string },
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    ...headers,
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
  })
  response.end(JSON.stringify({ status, ...problem }))
}
