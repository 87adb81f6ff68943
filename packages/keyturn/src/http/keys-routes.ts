import { ALGORITHM_NAMES } from '@keyturn/core'
import { type Errand, type KeyManager, readKeyPair } from '@keyturn/keyring'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { AuthorityConfig } from '../config/load-config.ts'
import { KEYS_ADMIN } from '../service/client-registry.ts'
import { describeImport, describeRevocation, describeRing, describeRotation } from '../service/key-reports.ts'
import { ClientGate, type ClientGateOptions } from './client-gate.ts'
import { parseBody } from './request-body.ts'

/** What the routes need with which operators administer the keys. */
export interface KeysRouteOptions extends ClientGateOptions {
  readonly policy: AuthorityConfig['policy']
}

const ROTATION = z
  .strictObject({ queue: z.boolean().default(false), force: z.boolean().default(false) })
  .refine(({ queue, force }) => !(queue && force), { path: ['force'] })
const REVOCATION = z.strictObject({
  reason: z.string().trim().min(1).max(1024),
  fresh: z.boolean().default(false),
})
const IMPORT = z.strictObject({
  key: z.union([z.string(), z.record(z.string(), z.unknown())]),
  algorithm: z.enum(ALGORITHM_NAMES).optional(),
})

const FLAG = 'expected true or false'
const ROTATION_EXPECTED = { queue: FLAG, force: `${FLAG}, and not with queue` }
const REVOCATION_EXPECTED = { reason: 'expected why, 1 to 1024 characters', fresh: FLAG }
const IMPORT_EXPECTED = {
  key: 'expected a private key: PEM as a text, or a JWK',
  algorithm: `expected one of ${ALGORITHM_NAMES.join(', ')}`,
}

/** `/v1/keys`: what `keyturn keys` does, over HTTP, for clients with scope `keys:admin`. */
export function keysRoutes(server: FastifyInstance, options: KeysRouteOptions): void {
  const { keys, policy } = options
  const gate = new ClientGate(options, KEYS_ADMIN)
  /** What a client may do; it is told which one does it, for the audit log. */
  const forAdmin =
    <T>(status: number, action: (request: FastifyRequest, errand: Errand) => Promise<T>) =>
    async (request: FastifyRequest, reply: FastifyReply): Promise<T> => {
      const { clientId } = await gate.admit(request)
      const outcome = await action(request, { requestedBy: clientId })
      reply.code(status).header('cache-control', 'no-store')
      return outcome
    }
  server.get(
    '/v1/keys',
    forAdmin(200, async () => describeRing(keys.ring(), keys.now)),
  )
  server.post(
    '/v1/keys/rotate',
    forAdmin(200, ({ body }, errand) => rotate(keys, body ?? {}, errand)),
  )
  server.post(
    '/v1/keys/:kid/revoke',
    forAdmin(200, ({ params, body }, errand) => revoke(keys, (params as { kid: string }).kid, body, errand)),
  )
  server.post(
    '/v1/keys/import',
    forAdmin(201, async ({ body }, errand) => {
      const { key, algorithm } = parseBody(IMPORT, IMPORT_EXPECTED, body)
      const document = Buffer.from(typeof key === 'string' ? key : JSON.stringify(key))
      const pair = await readKeyPair(document, { algorithm, preferred: policy.algorithm })
      return describeImport(await keys.importKey(pair, errand))
    }),
  )
}

async function rotate(keys: KeyManager, body: unknown, errand: Errand) {
  return describeRotation(await keys.rotate({ ...parseBody(ROTATION, ROTATION_EXPECTED, body), ...errand }))
}

async function revoke(keys: KeyManager, kid: string, body: unknown, errand: Errand) {
  const { reason, fresh } = parseBody(REVOCATION, REVOCATION_EXPECTED, body)
  return describeRevocation(await keys.revoke(kid, { reason, storeLeaked: fresh, ...errand }))
}
