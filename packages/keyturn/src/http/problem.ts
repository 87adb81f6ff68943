import { STATUS_CODES } from 'node:http'
import { KeyturnError } from '@keyturn/core'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from '../telemetry/logger.ts'
import { HTTP_LIMITS } from './limits.ts'

/** The media type of every body outside `/oauth2`. */
export const JSON_MEDIA_TYPE = 'application/json'

/** The one shape of errors outside `/oauth2` (RFC 9457). Callers branch on `code`. */
export interface Problem {
  readonly status: number
  readonly code: string
  readonly detail: string
}

/** An answer other than success that a route decides on. */
export class HttpRefusal extends KeyturnError {
  override readonly name = 'HttpRefusal'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, code: string, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(code, detail)
    this.status = status
    this.headers = headers
  }
}

/** Errors of the services by what they mean over HTTP; an error that is not here is a bug or an outage of ours. */
const CODES_BY_STATUS: Readonly<Record<number, readonly string[]>> = Object.freeze({
  400: [
    ...['scope_refused', 'claims_refused', 'ttl_too_long', 'ttl_invalid'],
    ...['key_malformed', 'key_encrypted', 'key_not_private', 'key_symmetric', 'key_unknown_type'],
    ...['key_not_for_signatures', 'key_weak', 'key_self_test_failed'],
    ...['algorithm_ambiguous', 'algorithm_mismatch', 'algorithm_unavailable'],
  ],
  404: ['key_not_found'],
  409: [
    ...['key_known', 'key_already_revoked', 'key_removed', 'import_too_late', 'set_full'],
    ...['rotation_too_early', 'no_next_key', 'clock_in_doubt'],
  ],
  503: [
    ...['state_failed', 'state_missing', 'state_replaced', 'no_active_key', 'ring_held', 'ring_stale'],
    ...['store_failed', 'store_unreachable', 'store_refused'],
  ],
})
const STATUS_BY_CODE: ReadonlyMap<string, number> = new Map(
  Object.entries(CODES_BY_STATUS).flatMap(([status, codes]) => codes.map((code) => [code, Number(status)])),
)
/** Errors whose remedy is for whoever asks: an operator, or somebody who can tell one. */
const SAYS_ITS_REMEDY: ReadonlySet<string> = new Set([
  ...(CODES_BY_STATUS[409] ?? []),
  ...['algorithm_ambiguous', 'algorithm_mismatch', 'ring_held'],
])

/** Errors that Fastify finds before a route is asked. */
const CODE_BY_STATUS: Readonly<Record<number, string>> = Object.freeze({
  400: 'request_malformed',
  413: 'body_too_large',
  414: 'url_too_long',
  415: 'media_type_unsupported',
})

/**
 * What to answer to an error, whatever was thrown. Says nothing of what is inside.
 *
 * @param mediaType - What a body should have been.
 */
export function problemOf(error: unknown, mediaType: string): Problem {
  if (error instanceof HttpRefusal) return { status: error.status, code: error.code, detail: error.message }
  const status = statusOf(error)
  if (error instanceof KeyturnError && SAYS_ITS_REMEDY.has(error.code)) {
    return { status, code: error.code, detail: [error.message, error.remedy].filter(Boolean).join(': ') }
  }
  if (status >= 500) {
    const code = error instanceof KeyturnError && status === 503 ? error.code : 'internal_error'
    return { status, code, detail: 'something went wrong here; the log says what' }
  }
  if (error instanceof KeyturnError) return { status, code: error.code, detail: error.message }
  const code = CODE_BY_STATUS[status] ?? 'request_malformed'
  return { status, code, detail: expectationOf(status, mediaType) }
}

function expectationOf(status: number, mediaType: string): string {
  if (status === 413) return `expected a body of at most ${HTTP_LIMITS.bodyBytes} bytes`
  if (status === 415) return `expected ${mediaType}`
  return 'expected a request that can be understood'
}

/** The JSON of a problem. */
export function problemDocument({ status, code, detail }: Problem): string {
  return JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, code, detail })
}

/** Answers with a problem document. */
export function sendProblem(reply: FastifyReply, problem: Problem): void {
  reply
    .code(problem.status)
    .header('cache-control', 'no-store')
    .type('application/problem+json')
    .send(problemDocument(problem))
}

/** The error handler of both listeners; logs what is our fault, and never what the caller sent. */
export function problemHandler(logger: Logger) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const problem = problemOf(error, JSON_MEDIA_TYPE)
    if (isFailure(error, problem.status)) {
      logger.error({ err: error, route: request.routeOptions.url, code: problem.code }, 'request failed')
    }
    if (error instanceof HttpRefusal) reply.headers(error.headers)
    if (problem.status === 503) reply.header('retry-after', '5')
    sendProblem(reply, problem)
  }
}

/** Says whether the log should know: a refusal is a decision, also with a status of 500 and more. */
export function isFailure(error: unknown, status: number): boolean {
  return status >= 500 && !(error instanceof HttpRefusal)
}

function statusOf(error: unknown): number {
  if (error instanceof KeyturnError) return STATUS_BY_CODE.get(error.code) ?? 500
  const { statusCode } = (error ?? {}) as Partial<FastifyError>
  return statusCode !== undefined && statusCode >= 400 && statusCode < 600 ? statusCode : 500
}
