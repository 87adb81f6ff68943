import { stateOf } from '@keyturn/keyring'
import type { FastifyInstance } from 'fastify'
import { withTimes } from '../service/rfc3339.ts'
import type { AuthorityHealth } from '../telemetry/authority-health.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { isExpectedHost, isOwnOrigin } from './host-header.ts'
import { type KeysRouteOptions, keysRoutes } from './keys-routes.ts'
import { createListener } from './listener.ts'
import { HttpRefusal } from './problem.ts'
import { refuseWhileStopping } from './stopping.ts'

/** What the admin listener needs. */
export interface AdminServerOptions extends KeysRouteOptions {
  readonly health: () => AuthorityHealth
  readonly metrics: Metrics
  readonly logger: Logger
  /** The name under which it is reached, beside addresses. */
  readonly host: string
}

/** Metrics, details and the keys, for operators. */
export async function createAdminServer(options: AdminServerOptions): Promise<FastifyInstance> {
  const { keys, health, metrics, logger, host } = options
  const server = createListener(logger)
  server.addHook('onRequest', async ({ headers }) => {
    if (!isExpectedHost(headers.host, host)) {
      throw new HttpRefusal(403, 'host_refused', 'expected the Host of the admin listener')
    }
    if (!isOwnOrigin(headers.origin, headers.host)) {
      throw new HttpRefusal(403, 'origin_refused', 'expected no Origin, or that of the admin listener')
    }
  })
  server.get('/metrics', async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.render()),
  )
  server.get('/health/details', async (_request, reply) => {
    const ring = keys.ring()
    const { now } = keys
    return reply.header('cache-control', 'no-store').send({
      ...(withTimes(health()) as object),
      generation: ring.generation,
      keys: ring.keys.map((key) => ({ kid: key.kid, alg: key.alg, state: stateOf(key, now) })),
    })
  })
  await server.register(async (scope) => {
    refuseWhileStopping(scope)
    // a process that slept must not go by what it knew
    scope.addHook('onRequest', () => keys.catchUp())
    keysRoutes(scope, options)
  })
  return server
}
