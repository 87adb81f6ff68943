import type { FastifyInstance } from 'fastify'
import { HttpRefusal } from './problem.ts'

/**
 * Refuses what comes, on connections that are open still, after the listener began to close: whoever asks is told to ask
 * again, in the shape of the scope. What was under way is answered.
 */
export function refuseWhileStopping(scope: FastifyInstance): void {
  let isClosing = false
  scope.addHook('preClose', async () => {
    isClosing = true
  })
  scope.addHook('onRequest', async () => {
    if (isClosing)
      throw new HttpRefusal(503, 'stopping', 'the authority stops: ask again, on a new connection')
  })
}
