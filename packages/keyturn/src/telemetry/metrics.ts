import { activeKey, findKey, type KeyManager, type KeyringEvent, stateOf } from '@keyturn/keyring'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { BackupEvent, BackupKeeper } from '../backups/backup-keeper.ts'
import type { DiskWatch, VolumeName } from './disk-watch.ts'

/** What the gauges read when they are asked. */
export interface MetricsSources {
  readonly keys: KeyManager
  readonly disks: Pick<DiskWatch, 'health'>
  readonly backups: Pick<BackupKeeper, 'health'> | undefined
}

/** What prom-client knows of a metric, and does not type. */
interface Described {
  readonly name: string
  readonly type: string
  readonly labelNames?: readonly string[]
  readonly help: string
}

const SIGN_BUCKETS_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1]

/** The metrics of the authority, in the text format of Prometheus. Labels are bounded: never a subject or a client. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #rotations = this.#counter(
    'keyturn_rotations_total',
    'success: a key began to sign; failure: an attempt, each one counts, to make the next key failed',
    ['status'],
  )
  readonly #signatures = this.#counter('keyturn_signatures_total', 'Signatures made', ['alg'])
  readonly #issued = this.#counter('keyturn_tokens_issued_total', 'Tokens issued', ['kind'])
  readonly #jwksRequests = this.#counter('keyturn_jwks_requests_total', 'Answers with the key set', [
    'status',
  ])
  readonly #storeErrors = this.#counter(
    'keyturn_store_errors_total',
    'Failures of the key store, every one: read, write, or watch, the regular look for what others write',
    ['operation'],
  )
  readonly #backups = this.#counter('keyturn_backups_total', 'Scheduled backups of the key ring', ['status'])
  readonly #signDuration = new Histogram({
    name: 'keyturn_sign_duration_seconds',
    help: 'Time from asking for a signature to having it',
    buckets: SIGN_BUCKETS_SECONDS,
    registers: [this.#registry],
  })
  #alg = (): string => 'unknown'

  constructor() {
    collectDefaultMetrics({ register: this.#registry })
    for (const status of ['success', 'failure']) this.#rotations.inc({ status }, 0)
    for (const status of ['success', 'failure']) this.#backups.inc({ status }, 0)
    for (const operation of ['read', 'write', 'watch']) this.#storeErrors.inc({ operation }, 0)
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  async render(): Promise<string> {
    return await this.#registry.metrics()
  }

  /** Names, types, labels and meanings, for the reference. */
  catalogue(): readonly { name: string; type: string; labels: readonly string[]; help: string }[] {
    const metrics = this.#registry.getMetricsAsArray() as unknown as readonly Described[]
    return metrics.map(({ name, type, labelNames, help }) => ({
      name,
      type: String(type),
      labels: labelNames ?? [],
      help,
    }))
  }

  /** Adds the gauges; their values are read when somebody asks, and are NaN while they cannot be. */
  observe({ keys, disks, backups }: MetricsSources): void {
    this.#alg = () => activeKey(keys.ring(), keys.now).alg
    const next = () => findKey(keys.ring(), 'next', keys.now)
    this.#gauge('keyturn_active_key_age_seconds', 'Since the active key began to sign', () =>
      seconds(keys.now - activeKey(keys.ring(), keys.now).activateAt),
    )
    this.#gauge('keyturn_next_activation_seconds', 'Until the next key signs; NaN without one', () =>
      seconds((next()?.activateAt ?? Number.NaN) - keys.now),
    )
    this.#gauge('keyturn_next_key_ready', '1 while there is a next key', () => Number(next() !== undefined))
    this.#gauge(
      'keyturn_rotation_overdue',
      '1 while there is no next key, and it is too late for one to sign on time',
      () => Number(keys.health().rotationOverdue),
    )
    this.#gauge('keyturn_published_keys', 'Keys in the published set', () => keys.publicJwks().keys.length)
    this.#gauge(
      'keyturn_revoked_keys',
      'Keys revoked before their last token expired',
      () => keys.ring().keys.filter((key) => stateOf(key, keys.now) === 'revoked').length,
    )
    this.#gauge('keyturn_ring_generation', 'Generation of the ring in memory', () => keys.ring().generation)
    this.#gauge(
      'keyturn_ring_snapshot_age_seconds',
      'Since the ring in memory was last known to be the one in the store',
      () => seconds(keys.health().snapshotAgeMs),
    )
    this.#gauge(
      'keyturn_ring_integrity',
      '1 while the store can be read, and holds the ring of this process',
      () => Number(keys.health().storeError === undefined),
    )
    this.#gauge(
      'keyturn_rotation_failures_consecutive',
      'Failed steps since the last that succeeded',
      () => keys.health().consecutiveFailures,
    )
    this.#gauge('keyturn_state_integrity', '1 while state.db is the file that this process has open', () =>
      Number(disks.health().stateError === undefined),
    )
    const usedRatio = (name: VolumeName) => disks.health().volumes[name]?.usedRatio ?? Number.NaN
    this.#gauge('keyturn_data_volume_used_ratio', 'Used part of the volume of the data folder', () =>
      usedRatio('data'),
    )
    this.#gauge(
      'keyturn_backup_volume_used_ratio',
      'Used part of the volume of scheduled backups; NaN where there are none',
      () => usedRatio('backup'),
    )
    this.#gauge(
      'keyturn_volumes_nearly_full',
      'Of these two, how many are more than nine tenths full with less than 1 GiB left',
      () => Object.values(disks.health().volumes).filter(({ nearlyFull }) => nearlyFull).length,
    )
    this.#gauge(
      'keyturn_last_backup_age_seconds',
      'Since the newest scheduled backup that is whole was made; NaN without one',
      () => seconds(backups?.health().newest?.ageMs ?? Number.NaN),
    )
    this.#observeGrace(keys)
  }

  /** Counts what happens to the keys. */
  onKeyringEvent(event: KeyringEvent): void {
    if (event.kind === 'key-activated') this.#rotations.inc({ status: 'success' })
    if (event.kind === 'rotation-failed' && event.due.includes('add-next'))
      this.#rotations.inc({ status: 'failure' })
    if (event.kind === 'store-failed') this.#storeErrors.inc({ operation: event.operation })
  }

  /** Counts backups. */
  onBackupEvent({ kind }: BackupEvent): void {
    if (kind === 'backup-made') this.#backups.inc({ status: 'success' })
    if (kind === 'backup-failed') this.#backups.inc({ status: 'failure' })
  }

  onIssued(signatureMs: number): void {
    this.#issued.inc({ kind: 'access' })
    this.#signatures.inc({ alg: this.#alg() })
    this.#signDuration.observe(seconds(signatureMs))
  }

  onJwksRequest(status: number): void {
    this.#jwksRequests.inc({ status: String(status) })
  }

  /** One series for each retired key; it goes when the key goes. */
  #observeGrace(keys: KeyManager): void {
    new Gauge({
      name: 'keyturn_retired_key_grace_period_remaining_seconds',
      help: 'How long a retired key stays published',
      labelNames: ['kid'],
      registers: [this.#registry],
      collect() {
        this.reset()
        for (const [kid, graceMs] of graceOfRetired(keys)) this.set({ kid }, seconds(graceMs))
      },
    })
  }

  #counter<T extends string>(name: string, help: string, labelNames: readonly T[]): Counter<T> {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.#registry] })
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(readingOf(read))
      },
    })
  }
}

/** Whatever one gauge cannot say, the others go on: they matter most when something is broken. */
function readingOf(read: () => number): number {
  try {
    return read()
  } catch {
    return Number.NaN
  }
}

function graceOfRetired(keys: KeyManager): readonly (readonly [kid: string, graceMs: number])[] {
  try {
    const { now } = keys
    const retired = keys.ring().keys.filter((key) => stateOf(key, now) === 'retired')
    return retired.map(({ kid, publishUntil }) => [kid, (publishUntil ?? now) - now])
  } catch {
    return []
  }
}

function seconds(ms: number): number {
  return ms / 1000
}
