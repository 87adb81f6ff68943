import type { KeyManager } from '@keyturn/keyring'
import type { FastifyInstance } from 'fastify'
import type { AuthorityHealth } from '../telemetry/authority-health.ts'

/** What the health routes need. */
export interface HealthRouteOptions {
  readonly keys: KeyManager
  readonly health: () => AuthorityHealth
  /** The authority has begun to stop: balancers send no more. */
  readonly isStopping: () => boolean
}

/** Short answers for probes; they read memory only. Details are on the admin listener. */
export function healthRoutes(
  server: FastifyInstance,
  { keys, health, isStopping }: HealthRouteOptions,
): void {
  const plain = { 'cache-control': 'no-store' }
  server.get('/livez', async (_request, reply) => reply.headers(plain).send({ status: 'ok' }))
  server.get('/readyz', async (_request, reply) => {
    const isReady = !isStopping() && keys.publicJwks().keys.length > 0
    return reply
      .code(isReady ? 200 : 503)
      .headers(plain)
      .send({ status: isReady ? 'ok' : 'stopping' })
  })
  server.get('/health', async (_request, reply) => reply.headers(plain).send({ status: health().status }))
}
