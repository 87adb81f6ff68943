import { KeyturnError } from '@keyturn/core'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Listener } from '../config/load-config.ts'
import type { Logger } from '../telemetry/logger.ts'
import { problemHandler, sendProblem } from './problem.ts'
import { answerUnreadableRequest } from './unreadable-request.ts'

const BODY_LIMIT_BYTES = 16 * 1024
const HEADER_LIMIT_BYTES = 16 * 1024
const REQUEST_TIMEOUT_MS = 10_000
const IDLE_TIMEOUT_MS = 65_000

/** What both listeners share: limits, errors in one shape, a log without anything that the caller sent. */
export function createListener(logger: Logger): FastifyInstance {
  const server = fastify({
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: IDLE_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    http: {
      maxHeaderSize: HEADER_LIMIT_BYTES,
      headersTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: 1000,
    },
    frameworkErrors: problemHandler(logger),
    clientErrorHandler: answerUnreadableRequest,
  })
  server.setErrorHandler(problemHandler(logger))
  server.setNotFoundHandler((_request, reply) => {
    sendProblem(reply, { status: 404, code: 'not_found', detail: 'there is nothing here' })
  })
  server.addHook('onSend', async (_request, reply) => {
    reply.header('x-content-type-options', 'nosniff')
  })
  server.addHook('onResponse', async (request: FastifyRequest, reply: FastifyReply) => {
    const { method, url: route } = request.routeOptions
    logger.debug({ method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) }, 'request')
  })
  return server
}

/**
 * Begins to listen.
 *
 * @returns the address, with the port that was taken
 * @throws {KeyturnError} `address_unavailable`
 */
export async function listen(server: FastifyInstance, { host, port }: Listener): Promise<string> {
  try {
    return await server.listen({ host, port })
  } catch (cause) {
    const errno = (cause as NodeJS.ErrnoException).code ?? 'unknown error'
    throw new KeyturnError('address_unavailable', `cannot listen on ${host}:${port} (${errno})`, {
      remedy: 'stop what listens there, or take another port: --http-port, --admin-port',
      cause,
    })
  }
}
