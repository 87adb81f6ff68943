import { systemClock } from '@keyturn/core'
import { KeyManager, type KeyManagerOptions, SignedKeySet } from '@keyturn/keyring'
import type { FastifyInstance } from 'fastify'
import { Checkpointer } from './audit/checkpointer.ts'
import { clientAudit } from './audit/client-audit.ts'
import { actorOf, keyAudit } from './audit/key-audit.ts'
import { revokeAgain } from './audit/revocations.ts'
import { BackupFolder } from './backups/backup-folder.ts'
import { BackupKeeper } from './backups/backup-keeper.ts'
import type { AuthorityConfig } from './config/load-config.ts'
import { createAdminServer } from './http/admin-server.ts'
import { listen } from './http/listener.ts'
import { createPublicServer } from './http/public-server.ts'
import { openInstallation } from './installation.ts'
import { sealingOf } from './key-store.ts'
import { openRootKey } from './root-key.ts'
import { ClientRegistry, KEYS_ADMIN, type NewClient, TOKENS_ISSUE } from './service/client-registry.ts'
import { TokenService } from './service/token-service.ts'
import type { SqliteState } from './state/sqlite-state.ts'
import { authorityHealth } from './telemetry/authority-health.ts'
import { DiskWatch } from './telemetry/disk-watch.ts'
import { type Logger, logDiskEvent, logKeyringEvent } from './telemetry/logger.ts'
import { Metrics } from './telemetry/metrics.ts'
import { volumeOf } from './telemetry/volume.ts'

/** An authority that serves. */
export interface Authority {
  /** Base URLs of the listeners, with the ports that were taken. */
  readonly url: string
  readonly adminUrl: string
  /** Answers what has been asked, and stops. Idempotent. */
  close(): Promise<void>
}

/** What {@link startAuthority} needs beside its configuration. */
export interface StartOptions {
  readonly logger: Logger
  /** Lets a ring and a state be created beside what is left of an installation. Default `false`. */
  readonly initialize?: boolean
  /**
   * Gets the first client of a new installation, whose secret is known only then, before it is registered. What it throws
   * stops the start. Without this there is no first client.
   */
  readonly handOver?: (client: NewClient) => Promise<void>
}

const DRAIN_MS = 5000
const SWEEP_MS = 50
const HELD =
  'the ring came out of a backup, and signs nothing until it is confirmed: keyturn keys restore FILE --confirm'

/**
 * Puts an authority together and starts it: keys, state, services, listeners. Whatever fails, nothing stays behind.
 *
 * @throws {KeyturnError} what the stores throw, and `address_unavailable`
 *
 * @example
 * const authority = await startAuthority(loadConfig({ flags: {}, env: process.env, file: undefined }), { logger })
 */
export async function startAuthority(config: AuthorityConfig, options: StartOptions): Promise<Authority> {
  const { logger, initialize = false, handOver } = options
  const undo: (() => Promise<void>)[] = []
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= closeAll(undo)
    return closing
  }
  for (const warning of config.warnings) logger.warn(warning)
  try {
    const telemetry = { logger, metrics: new Metrics() }
    const signedKeySet = await signedKeySetOf(config, telemetry)
    const actor = actorOf('keyturn serve')
    const { store, state, isNew, complete } = await openInstallation(config, initialize)
    undo.push(() => state.close())
    undo.push(async () => await store.close?.())
    const keys = await openKeys(config, { store, audit: keyAudit(state, actor) }, telemetry)
    undo.push(() => keys.close())
    await revokeAgain(keys, state)
    if (keys.health().held) logger.warn(HELD)
    const disks = diskWatchOf(config, { state, keys }, telemetry)
    undo.push(async () => disks.close())
    await disks.start()
    const backups = config.backups && backupKeeperOf(config, config.backups, { keys, ...telemetry })
    const health = () => authorityHealth({ keys, disks, backups })
    telemetry.metrics.observe({ keys, disks, backups })
    const audit = clientAudit(state, actor)
    const clients = new ClientRegistry({ store: state, now: systemClock.now, audit })
    const parts = { keys, clients, health, issuer: config.issuer, ...telemetry }
    const admin = await createAdminServer({ ...parts, policy: config.policy, host: config.admin.host })
    undo.push(() => drain(admin))
    const server = await createPublicServer({
      ...parts,
      tokens: tokenServiceOf(config, { keys, ...telemetry }),
      signedKeySet,
      timing: config.policy.timing,
      onJwksRequest: (status) => telemetry.metrics.onJwksRequest(status),
      isStopping: () => closing !== undefined,
    })
    undo.push(() => drain(server))
    const adminUrl = await listen(admin, config.admin)
    const url = await listen(server, config.http)
    // last, so that a start that fails before, say for a port that is taken, makes no client
    if (isNew && handOver !== undefined) {
      await clients.create('bootstrap', [TOKENS_ISSUE, KEYS_ADMIN], handOver)
    }
    await complete(keys)
    const checkpointer = new Checkpointer({ log: state, keys, clock: systemClock, logger })
    undo.push(() => checkpointer.close())
    await checkpointer.start()
    if (backups !== undefined) {
      undo.push(() => backups.close())
      backups.start()
    }
    return { url, adminUrl, close }
  } catch (error) {
    // why it does not start is what matters, whatever else is wrong
    await close().catch((err: unknown) => logger.error({ err }, 'what was opened could not be closed'))
    throw error
  }
}

/** Where everything that happens is told. */
interface Telemetry {
  readonly logger: Logger
  readonly metrics: Metrics
}

async function openKeys(
  { policy, database }: AuthorityConfig,
  { store, audit }: Required<Pick<KeyManagerOptions, 'store' | 'audit'>>,
  { logger, metrics }: Telemetry,
): Promise<KeyManager> {
  return await KeyManager.open({
    store,
    policy,
    audit,
    ...(database && { maxStalenessMs: database.maxStalenessMs }),
    onEvent: (event) => {
      logKeyringEvent(logger, event)
      metrics.onKeyringEvent(event)
    },
  })
}

/** What failed for want of room, or of the state, is tried again as soon as that is there. */
function diskWatchOf(
  { dataDir, backups }: AuthorityConfig,
  { state, keys }: { readonly state: SqliteState; readonly keys: KeyManager },
  { logger }: Telemetry,
): DiskWatch {
  return new DiskWatch({
    volumes: { data: volumeOf(dataDir), ...(backups && { backup: volumeOf(backups.dir) }) },
    assertStateInPlace: () => state.assertInPlace(),
    clock: systemClock,
    onEvent: (event) => {
      logDiskEvent(logger, event)
      if (event.kind === 'volume-has-room' || event.kind === 'state-back') keys.retry()
    },
  })
}

function tokenServiceOf(
  { issuer, audience, accessTokenTtlSeconds: ttlSeconds, policy }: AuthorityConfig,
  { keys, metrics }: Telemetry & { readonly keys: KeyManager },
): TokenService {
  return new TokenService({
    keys,
    issuer,
    audience,
    ttlSeconds,
    maxTtlSeconds: policy.timing.maxTtlMs / 1000,
    onIssued: (signatureMs) => metrics.onIssued(signatureMs),
  })
}

async function signedKeySetOf({ root, issuer }: AuthorityConfig, { logger }: Telemetry) {
  if (root === undefined) return undefined
  const { file, setTtlSeconds: ttlSeconds } = root
  const key = await openRootKey(file)
  logger.info({ rootKid: key.kid }, 'a root key signs the key set')
  return new SignedKeySet({ root: key, issuer, ttlSeconds, clock: systemClock })
}

function backupKeeperOf(
  config: AuthorityConfig,
  { dir, ...policy }: NonNullable<AuthorityConfig['backups']>,
  { keys, metrics, logger }: Telemetry & { readonly keys: KeyManager },
): BackupKeeper {
  return new BackupKeeper({
    place: new BackupFolder(dir, { ...sealingOf(config), dataDir: config.dataDir }),
    policy,
    ring: () => keys.ring(),
    clock: systemClock,
    random: Math.random,
    onEvent: (event) => {
      logDiskEvent(logger, event)
      metrics.onBackupEvent(event)
    },
  })
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
  await server.close().finally(() => {
    clearInterval(sweep)
    cancel()
  })
}
