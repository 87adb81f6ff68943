import type { KeyManager } from '@keyturn/keyring'
import { stateOf } from '@keyturn/keyring'
import type { FastifyInstance } from 'fastify'
import type { AuthorityHealth } from '../telemetry/authority-health.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { isExpectedHost } from './host-header.ts'
import { createListener } from './listener.ts'
import { HttpRefusal } from './problem.ts'

/** What the admin listener needs. */
export interface AdminServerOptions {
  readonly keys: KeyManager
  readonly health: () => AuthorityHealth
  readonly metrics: Metrics
  readonly logger: Logger
  /** The name under which it is reached, beside addresses. */
  readonly host: string
}

/** Metrics and details for operators. */
export function createAdminServer(options: AdminServerOptions): FastifyInstance {
  const { keys, health, metrics, logger, host } = options
  const server = createListener(logger)
  server.addHook('onRequest', async (request) => {
    if (!isExpectedHost(request.headers.host, host)) {
      throw new HttpRefusal(403, 'host_refused', 'expected the Host of the admin listener')
    }
  })
  server.get('/metrics', async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.render()),
  )
  server.get('/health/details', async (_request, reply) => {
    const ring = keys.ring()
    const { now } = keys
    return reply.header('cache-control', 'no-store').send({
      ...health(),
      generation: ring.generation,
      keys: ring.keys.map((key) => ({ kid: key.kid, alg: key.alg, state: stateOf(key, now) })),
    })
  })
  return server
}
