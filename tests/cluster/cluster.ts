import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type AuthorityReady,
  freePort,
  keyturn,
  type Running,
  startAuthority,
} from '../end-to-end/processes.ts'

const SKEWED_CLOCK = new URL('./skewed-clock.mjs', import.meta.url).href

/** One of several authorities that share a database, as a process. */
export class Replica {
  readonly name: string
  /** By how much its clock is ahead. */
  readonly clockOffsetMs: number
  readonly env: Readonly<Record<string, string>>
  /** It is stopped by SIGSTOP: its port is open, and nobody answers. */
  isPaused = false
  #running: Running<AuthorityReady> | undefined
  #credentials = ''

  constructor(name: string, env: Readonly<Record<string, string>>, clockOffsetMs: number) {
    this.name = name
    this.env = env
    this.clockOffsetMs = clockOffsetMs
  }

  get url(): string {
    return this.#ready.url
  }

  get adminUrl(): string {
    return this.#ready.adminUrl
  }

  async start(): Promise<void> {
    const clock = {
      NODE_OPTIONS: `--import=${SKEWED_CLOCK}`,
      TEST_CLOCK_OFFSET_MS: String(this.clockOffsetMs),
    }
    this.#running = await startAuthority({ ...this.env, ...clock })
  }

  /** Registers the client for which {@link askForToken} asks. */
  async register(): Promise<void> {
    const created = await keyturn(
      ['clients', 'create', 'shop', '--scope', 'tokens:issue', '--json'],
      this.env,
    )
    if (created.code !== 0) throw new Error(created.stderr)
    const { clientId, clientSecret } = JSON.parse(created.stdout)
    this.#credentials = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
  }

  async askForToken(): Promise<Response> {
    return await fetch(`${this.url}/v1/tokens`, {
      method: 'POST',
      headers: { authorization: this.#credentials, 'content-type': 'application/json' },
      body: JSON.stringify({ subject: 'user-1', role: 'user', verified: true }),
    })
  }

  /** What its operator sees. */
  async health(): Promise<Record<string, unknown>> {
    const response = await fetch(`${this.adminUrl}/health/details`)
    return (await response.json()) as Record<string, unknown>
  }

  pause(): void {
    this.isPaused = true
    this.#running?.signal('SIGSTOP')
  }

  resume(): void {
    this.#running?.signal('SIGCONT')
    this.isPaused = false
  }

  readonly log = (): string => this.#running?.log() ?? ''

  async stop(): Promise<number | string | null | undefined> {
    return await this.#running?.stop()
  }

  get #ready(): AuthorityReady {
    if (this.#running === undefined) throw new Error(`${this.name} is not started`)
    return this.#running.ready
  }
}

/** How a {@link Cluster} is set up. */
export interface ClusterOptions {
  readonly databaseUrl: string
  /** One replica for each: by how much its clock is ahead, in milliseconds. */
  readonly clockOffsetsMs: readonly number[]
  readonly settings: Readonly<Record<string, string>>
}

/** Several authorities of one issuer that share a database, each with a folder of its own. */
export class Cluster {
  readonly replicas: readonly Replica[]
  readonly #folder: string

  private constructor(folder: string, replicas: readonly Replica[]) {
    this.#folder = folder
    this.replicas = replicas
  }

  /** Starts all of them at the same instant. */
  static async start({ databaseUrl, clockOffsetsMs, settings }: ClusterOptions): Promise<Cluster> {
    const folder = await mkdtemp(join(tmpdir(), 'keyturn-cluster-'))
    const replicas = await Promise.all(
      clockOffsetsMs.map(async (offsetMs, index) => {
        const name = `r${index + 1}`
        const own = {
          KEYTURN_STORE: 'postgres',
          KEYTURN_DATABASE_URL: databaseUrl,
          KEYTURN_DATA_DIR: join(folder, name),
          KEYTURN_HTTP_PORT: String(await freePort()),
          KEYTURN_ADMIN_PORT: String(await freePort()),
        }
        return new Replica(name, { ...settings, ...own }, offsetMs)
      }),
    )
    await Promise.all(replicas.map((replica) => replica.start()))
    await Promise.all(replicas.map((replica) => replica.register()))
    return new Cluster(folder, replicas)
  }

  async close(): Promise<void> {
    for (const replica of this.replicas) if (replica.isPaused) replica.resume()
    await Promise.all(this.replicas.map((replica) => replica.stop()))
    await rm(this.#folder, { recursive: true, force: true })
  }
}
