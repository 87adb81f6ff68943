import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { bundled } from '../../scripts/workspace.mjs'
import { installTarballs, pack } from '../../tests/packages/packed.ts'
import { median } from '../measuring/statistics.ts'

/** What a service pays for a library before it does anything. */
export interface ImportRow {
  readonly name: string
  readonly milliseconds: number
  readonly residentMegabytes: number
}

const OURS = '@keyturn/verifier'
/** Beside the libraries what of Node.js they are made of. */
const NAMES = [
  ...[OURS, 'jose', 'fast-jwt', 'jsonwebtoken', 'aws-jwt-verify'],
  ...['node:crypto', 'node:https'],
]
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** In a process of its own, beyond what Node.js itself takes. */
const program = (name: string) => `
  const [startedAt, before] = [performance.now(), process.memoryUsage.rss()]
  await import(${JSON.stringify(name)})
  console.log(JSON.stringify([performance.now() - startedAt, process.memoryUsage.rss() - before]))`

/**
 * Imports each library in turn, in as many rounds. All are installed as a user has them: ours out of its tarball, not through the
 * link by which a checkout has it. The path is short, as that of the others is: one of 40 characters or a link has V8 compile how
 * Node.js takes paths apart, with some two megabytes.
 */
export async function runImports(rounds: number): Promise<readonly ImportRow[]> {
  const seen = new Map<string, [milliseconds: number, bytes: number][]>(NAMES.map((name) => [name, []]))
  const place = await mkdtemp(join(tmpdir(), 'kt-'))
  try {
    await installTarballs(await pack(bundled, place), place)
    for (let round = 0; round < rounds; round++) {
      for (const name of NAMES) seen.get(name)?.push(await importOnce(name, name === OURS ? place : ROOT))
    }
  } finally {
    await rm(place, { recursive: true })
  }
  return [...seen].map(([name, runs]) => ({
    name,
    milliseconds: median(runs.map(([milliseconds]) => milliseconds)),
    residentMegabytes: median(runs.map(([, bytes]) => bytes)) / 2 ** 20,
  }))
}

async function importOnce(name: string, cwd: string): Promise<[number, number]> {
  const args = ['--input-type=module', '--eval', program(name)]
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd })
  return JSON.parse(stdout)
}
