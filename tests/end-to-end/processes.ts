import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** Starts what the tests need as processes of their own, and ends only those. */

/** The program of the command line. */
export const KEYTURN = fileURLToPath(new URL('../../packages/keyturn/bin/keyturn.js', import.meta.url))
const started = new Set<ChildProcess>()

/** A process that has said on its first line, as JSON, where it can be reached. */
export interface Running<T> {
  readonly ready: T
  /** Everything on stderr so far. */
  log(): string
  /** Sends a signal, and waits for nothing. */
  signal(signal: NodeJS.Signals): void
  /** Ends it, and says how it ended. */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals | null>
}

/** What an authority says on its first line. */
export interface AuthorityReady {
  readonly url: string
  readonly adminUrl: string
  readonly issuer: string
}

/** As whom a process runs. Default: as the tests do. */
export interface RunAs {
  readonly uid?: number
  readonly gid?: number
}

/** Runs `keyturn serve`. */
export async function startAuthority(
  env: Record<string, string>,
  flags: readonly string[] = [],
  runAs: RunAs = {},
): Promise<Running<AuthorityReady>> {
  return await start<AuthorityReady>([KEYTURN, 'serve', '--json', ...flags], env, runAs)
}

/** Runs a script of the tests. */
export async function startScript<T>(script: string, env: Record<string, string>): Promise<Running<T>> {
  return await start<T>([fileURLToPath(new URL(script, import.meta.url))], env)
}

/** How a command ended. */
export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a `keyturn` command to its end. */
export async function keyturn(
  args: readonly string[],
  env: Record<string, string> = {},
  runAs: RunAs = {},
): Promise<Outcome> {
  const options = { ...runAs, env: environment(env), timeout: 30_000 }
  return await promisify(execFile)(process.execPath, [KEYTURN, ...args], options).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  )
}

/** Ends whatever a failed test left running. */
export async function stopAll(): Promise<void> {
  const ended = [...started].map((child) => new Promise((resolve) => child.once('exit', resolve)))
  for (const child of started) child.kill('SIGKILL')
  await Promise.all(ended)
}

/** Below those that Linux gives to whoever asks for any, so that nobody takes one before its turn. */
const PORTS = { from: 10_000, perWorker: 1000 }
let nextPort = Math.floor(Math.random() * PORTS.perWorker)

/** A port that nothing listens on now, and that no other worker of the tests is given. */
export async function freePort(): Promise<number> {
  const worker = Number(process.env.VITEST_POOL_ID ?? 0)
  for (let attempt = 0; attempt < PORTS.perWorker; attempt++) {
    nextPort = (nextPort + 1) % PORTS.perWorker
    const port = PORTS.from + worker * PORTS.perWorker + nextPort
    if (await isFree(port)) return port
  }
  throw new Error('no port is free')
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return await new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

async function start<T>(
  args: readonly string[],
  env: Record<string, string>,
  runAs: RunAs = {},
): Promise<Running<T>> {
  const stdio = ['ignore', 'pipe', 'pipe'] as const
  const child = spawn(process.execPath, args, { ...runAs, env: environment(env), stdio: [...stdio] })
  started.add(child)
  let log = ''
  child.stderr.on('data', (chunk) => {
    log += chunk
  })
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.on('exit', (code, signal) => {
      started.delete(child)
      resolve(code ?? signal)
    })
  })
  const ready = await new Promise<T>((resolve, reject) => {
    createInterface(child.stdout).once('line', (line) => resolve(JSON.parse(line)))
    void ended.then((how) => reject(new Error(`${args.join(' ')} ended with ${how}: ${log}`)))
  })
  return {
    ready,
    log: () => log,
    signal: (signal) => void child.kill(signal),
    stop(signal = 'SIGTERM') {
      child.kill(signal)
      return ended
    },
  }
}

/** Nothing of the caller's settings. */
function environment(env: Record<string, string>): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('KEYTURN_'))
  return { ...Object.fromEntries(own), ...env }
}
