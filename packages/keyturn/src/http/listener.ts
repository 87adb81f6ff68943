import { createServer, type RequestListener } from 'node:http'
import { errnoOf, KeyturnError } from '@keyturn/core'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Listener } from '../config/listen-address.ts'
import type { Logger } from '../telemetry/logger.ts'
import { isOfOneHost } from './host-header.ts'
import { parseJsonBody } from './json-body.ts'
import { HTTP_LIMITS, type HttpLimits } from './limits.ts'
import { limitPipelining } from './pipelining.ts'
import { HttpRefusal, JSON_MEDIA_TYPE, problemHandler } from './problem.ts'
import { RouteTable } from './route-table.ts'
import { answerUnreadableRequest } from './unreadable-request.ts'

const OTHER_ADDRESS = 'give an address of this machine: --http-host, --admin-host'
const REMEDY_BY_ERRNO: Readonly<Record<string, string>> = Object.freeze({
  EADDRINUSE: 'stop what listens there, or take another port: --http-port, --admin-port',
  EACCES: 'take a port above 1023 (--http-port, --admin-port), or run where this user may bind it',
})

/** What both listeners share: limits, bodies and errors in one shape, a log without anything that the caller sent. */
export function createListener(logger: Logger, limits = HTTP_LIMITS): FastifyInstance {
  const server = fastify({
    bodyLimit: limits.bodyBytes,
    serverFactory: (listener) => limitedServer(listener, limits),
    forceCloseConnections: 'idle',
    // it would answer in a shape of its own, and probes too
    return503OnClosing: false,
    frameworkErrors: problemHandler(logger),
    clientErrorHandler: answerUnreadableRequest,
  })
  server.setErrorHandler(problemHandler(logger))
  server.removeAllContentTypeParsers()
  server.addContentTypeParser(
    JSON_MEDIA_TYPE,
    { parseAs: 'buffer' },
    async (_request: FastifyRequest, body: Buffer) => parseJsonBody(body),
  )
  refuseSeveralHosts(server)
  refuseWrongPaths(server)
  server.addHook('onSend', async (_request, reply) => {
    reply.header('x-content-type-options', 'nosniff')
  })
  server.addHook('onResponse', async (request: FastifyRequest, reply: FastifyReply) => {
    const { method, url: route } = request.routeOptions
    logger.debug({ method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) }, 'request')
  })
  return server
}

function limitedServer(listener: RequestListener, limits: HttpLimits) {
  const limited = limitPipelining(listener, limits.pipelined)
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.requestMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.idleMs,
      connectionsCheckingInterval: limits.checkMs,
    },
    limited,
  )
  // Node.js would answer an expectation that it does not know by itself, and count nothing (RFC 9110, section 10.1.1)
  server.on('checkExpectation', limited).setTimeout(limits.silenceMs)
  if (limits.connections !== undefined) server.maxConnections = limits.connections
  return server
}

/** Before anybody goes by the host. */
function refuseSeveralHosts(server: FastifyInstance): void {
  server.addHook('onRequest', async ({ raw }) => {
    if (!isOfOneHost(raw)) throw new HttpRefusal(400, 'request_malformed', 'expected one host')
  })
}

/** Before the body is read, and through the error handler of the scope, so that each scope answers in its own shape. */
function refuseWrongPaths(server: FastifyInstance): void {
  const routes = new RouteTable()
  server.addHook('onRoute', ({ url, method }) => routes.add(url, method))
  server.addHook('preParsing', async (request) => {
    if (!request.is404) return
    const allow = routes.methodsAt(request.url).join(', ')
    if (allow === '') throw new HttpRefusal(404, 'not_found', 'there is nothing here')
    throw new HttpRefusal(405, 'method_not_allowed', `expected ${allow}`, { allow })
  })
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
    const errno = errnoOf(cause)
    throw new KeyturnError('address_unavailable', `cannot listen on ${host}:${port} (${errno})`, {
      remedy: REMEDY_BY_ERRNO[errno] ?? OTHER_ADDRESS,
      cause,
    })
  }
}
