import { activeKey, type KeyManager, type KeyringEvent } from '@keyturn/keyring'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { BackupEvent } from '../backups/backup-keeper.ts'
import { GAUGES, graceOfRetired, type MetricsSources } from './gauges.ts'

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
  observe(sources: MetricsSources): void {
    const { keys } = sources
    this.#alg = () => activeKey(keys.ring(), keys.now).alg
    for (const { name, help, read } of GAUGES) {
      new Gauge({
        name,
        help,
        registers: [this.#registry],
        collect() {
          this.set(orWhileBroken(Number.NaN, () => read(sources)))
        },
      })
    }
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
    this.#signDuration.observe(signatureMs / 1000)
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
        for (const [kid, grace] of orWhileBroken([], () => graceOfRetired(keys))) this.set({ kid }, grace)
      },
    })
  }

  #counter<T extends string>(name: string, help: string, labelNames: readonly T[]): Counter<T> {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.#registry] })
  }
}

/** Whatever one gauge cannot say, the others go on: they matter most when something is broken. */
function orWhileBroken<T>(fallback: T, read: () => T): T {
  try {
    return read()
  } catch {
    return fallback
  }
}
