import type { FastifyInstance } from 'fastify'
import type { Logger } from '../telemetry/logger.ts'
import { type HealthRouteOptions, healthRoutes } from './health-routes.ts'
import { type JwksRouteOptions, jwksRoutes } from './jwks-routes.ts'
import { createListener } from './listener.ts'
import { metadataRoutes } from './metadata-routes.ts'
import { oauthRoutes } from './oauth-routes.ts'
import { refuseWhileStopping } from './stopping.ts'
import { type TokenRouteOptions, tokenRoutes } from './token-routes.ts'

/** What the public listener needs. */
export interface PublicServerOptions extends TokenRouteOptions, HealthRouteOptions {
  readonly signedKeySet: JwksRouteOptions['signedKeySet']
  readonly timing: JwksRouteOptions['timing']
  readonly onJwksRequest: JwksRouteOptions['onRequest']
  readonly logger: Logger
}

/** Everything that services and clients ask of the authority. */
export async function createPublicServer(options: PublicServerOptions): Promise<FastifyInstance> {
  const { keys, signedKeySet, timing, onJwksRequest, logger } = options
  const server = createListener(logger)
  // probes are answered to the end: a process that stops is neither dead nor ready
  healthRoutes(server, options)
  await server.register(async (scope) => {
    refuseWhileStopping(scope)
    metadataRoutes(scope, options)
  })
  await server.register(async (scope) => {
    refuseWhileStopping(scope)
    // a process that slept must not go by what it knew
    scope.addHook('onRequest', () => keys.catchUp())
    jwksRoutes(scope, { keys, signedKeySet, timing, onRequest: onJwksRequest })
    tokenRoutes(scope, options)
    await scope.register(async (inner) => oauthRoutes(inner, options), { prefix: '/oauth2' })
  })
  return server
}
