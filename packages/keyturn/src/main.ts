import { systemClock } from '@keyturn/core'
import { KeyManager } from '@keyturn/keyring'
import type { FastifyInstance } from 'fastify'
import type { AuthorityConfig } from './config/load-config.ts'
import { createAdminServer } from './http/admin-server.ts'
import { listen } from './http/listener.ts'
import { createPublicServer } from './http/public-server.ts'
import { openKeyStore } from './key-store.ts'
import { ClientRegistry, KEYS_ADMIN, type NewClient, TOKENS_ISSUE } from './service/client-registry.ts'
import { TokenService } from './service/token-service.ts'
import { SqliteState } from './state/sqlite-state.ts'
import { type Logger, logKeyringEvent } from './telemetry/logger.ts'
import { Metrics } from './telemetry/metrics.ts'

/** An authority that serves. */
export interface Authority {
  /** Base URLs of the listeners, with the ports that were taken. */
  readonly url: string
  readonly adminUrl: string
  /** The first client of a new installation; its secret is known only now. */
  readonly bootstrapClient: NewClient | undefined
  /** Answers what has been asked, and stops. Idempotent. */
  close(): Promise<void>
}

/** What {@link startAuthority} needs beside its configuration. */
export interface StartOptions {
  readonly logger: Logger
  /** Lets a ring and a state be created beside what is left of an installation. Default `false`. */
  readonly initialize?: boolean
}

const DRAIN_MS = 5000
const SWEEP_MS = 50

/**
 * Puts an authority together and starts it: keys, state, services, listeners. Whatever fails, nothing stays behind.
 *
 * @throws {KeyturnError} what the stores throw, and `address_unavailable`
 *
 * @example
 * const authority = await startAuthority(loadConfig({ flags: {}, env: process.env, file: undefined }), { logger })
 */
export async function startAuthority(config: AuthorityConfig, options: StartOptions): Promise<Authority> {
  const { logger, initialize = false } = options
  const undo: (() => Promise<void>)[] = []
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= closeAll(undo)
    return closing
  }
  try {
    const metrics = new Metrics()
    const keys = await KeyManager.open({
      store: openKeyStore(config, { initialize }),
      policy: config.policy,
      onEvent: (event) => {
        logKeyringEvent(logger, event)
        metrics.onKeyringEvent(event)
      },
    })
    undo.push(() => keys.close())
    metrics.observe({ keys, now: () => keys.now, dataDir: config.dataDir })
    // a ring of the first generation has just been made; beside an older one the state must be there
    const state = await SqliteState.open({
      dataDir: config.dataDir,
      mayCreate: initialize || keys.ring().generation === 1,
    })
    undo.push(() => state.close())
    const clients = new ClientRegistry(state, systemClock.now)
    const { issuer, audience, accessTokenTtlSeconds: ttlSeconds } = config
    const tokens = new TokenService({
      keys,
      issuer,
      audience,
      ttlSeconds,
      onIssued: (signatureMs) => metrics.onIssued(signatureMs),
    })
    const admin = createAdminServer({ keys, metrics, logger, host: config.admin.host })
    undo.push(() => drain(admin))
    const server = await createPublicServer({
      keys,
      clients,
      tokens,
      issuer,
      logger,
      timing: config.policy.timing,
      onJwksRequest: (status) => metrics.onJwksRequest(status),
      isStopping: () => closing !== undefined,
    })
    undo.push(() => drain(server))
    const adminUrl = await listen(admin, config.admin)
    const url = await listen(server, config.http)
    // last, so that its secret reaches somebody: a start that fails before makes none
    const isNew = (await clients.list()).length === 0
    const bootstrapClient = isNew ? await clients.create('bootstrap', [TOKENS_ISSUE, KEYS_ADMIN]) : undefined
    return { url, adminUrl, bootstrapClient, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Last opened, first closed; one that fails keeps none of the others open. */
async function closeAll(undo: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = []
  for (const step of undo.toReversed()) await step().catch((error: unknown) => failures.push(error))
  if (failures.length > 0) throw failures[0]
}

/** Lets requests under way end, but not for ever; a connection that is kept alive goes when its last request has. */
async function drain(server: FastifyInstance): Promise<void> {
  const sweep = setInterval(() => server.server.closeIdleConnections(), SWEEP_MS)
  const cancel = systemClock.setTimer(() => server.server.closeAllConnections(), DRAIN_MS)
  await server.close()
  clearInterval(sweep)
  cancel()
}
