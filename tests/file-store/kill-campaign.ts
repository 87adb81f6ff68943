import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { DEFAULT_POLICY, FileKeyStore, KeyManager } from '@keyturn/keyring'

/**
 * `node tests/file-store/kill-campaign.ts [KILLS]`: writers that save one generation after another in one folder, as fast
 * as they can, and are killed at random instants. After each kill the store is looked at while the others go on writing.
 */

/** How a campaign is run. */
export interface CampaignOptions {
  /** Holds a ring. */
  readonly folder: string
  readonly kills: number
  /** How many write at once. Default 3. */
  readonly writers?: number
}

/** What a campaign came to. */
export interface CampaignOutcome {
  readonly kills: number
  /** How many generations were written. */
  readonly generations: number
  /** The most temporary files of killed writers that were seen at once. */
  readonly leftovers: number
}

const WRITER = fileURLToPath(new URL('./ring-writer.ts', import.meta.url))
const LONGEST_LIFE_MS = 30
const AN_HOUR_AGO = Date.now() / 1000 - 3600

interface Writer {
  readonly child: ChildProcess
  readonly closed: Promise<unknown>
  /** Resolves at its first acknowledgement. */
  readonly busy: Promise<unknown>
}

/**
 * Kills writers.
 *
 * @throws at the first ring that cannot be loaded, and at the first that is older than one that was acknowledged
 */
export async function killCampaign({
  folder,
  kills,
  writers = 3,
}: CampaignOptions): Promise<CampaignOutcome> {
  const store = new FileKeyStore({ directory: folder })
  let acknowledged = (await store.load())?.generation ?? 0
  const first = acknowledged
  const start = (): Writer => {
    const child = spawn(process.execPath, [WRITER, 'loop', folder], { stdio: ['ignore', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout })
    lines.on('line', (line) => {
      acknowledged = Math.max(acknowledged, Number(line))
    })
    const closed = once(child, 'close')
    return { child, closed, busy: Promise.race([once(lines, 'line'), closed]) }
  }
  const pool = Array.from({ length: writers }, start)
  let leftovers = 0
  try {
    for (let kill = 0; kill < kills; kill++) {
      const victim = pool[kill % writers]
      if (victim === undefined) throw new Error('expected a writer')
      await victim.busy
      await sleep(Math.random() * LONGEST_LIFE_MS)
      victim.child.kill('SIGKILL')
      await victim.closed
      if (victim.child.exitCode !== null) throw new Error(`a writer ended with ${victim.child.exitCode}`)
      pool[kill % writers] = start()
      const promised = acknowledged
      const found = (await new FileKeyStore({ directory: folder }).load())?.generation ?? 0
      if (found < promised) throw new Error(`generation ${promised} was acknowledged, and ${found} is there`)
      leftovers = Math.max(leftovers, (await temporaries(folder)).length)
    }
  } finally {
    for (const { child } of pool) child.kill('SIGKILL')
    await Promise.all(pool.map(({ closed }) => closed))
  }
  const ring = await store.load()
  if (ring === undefined) throw new Error('expected a ring')
  // what was left behind goes at a save, once it is too old to be in use
  for (const name of await temporaries(folder)) await utimes(join(folder, name), AN_HOUR_AGO, AN_HOUR_AGO)
  await store.save({ ...ring, generation: ring.generation + 1 }, ring.generation)
  const left = await readdir(folder)
  if (left.length !== 2) throw new Error(`expected two generations, and found ${left}`)
  return { kills, generations: ring.generation - first, leftovers }
}

async function temporaries(folder: string): Promise<readonly string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith('.tmp'))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const place = await mkdtemp(join(tmpdir(), 'keyturn-campaign-'))
  const folder = join(place, 'keys')
  const policy = { ...DEFAULT_POLICY, algorithm: 'EdDSA' } as const
  await (await KeyManager.open({ store: new FileKeyStore({ directory: folder }), policy })).close()
  const began = performance.now()
  try {
    const outcome = await killCampaign({ folder, kills: Number(process.argv[2] ?? 1000) })
    console.log(JSON.stringify({ ...outcome, seconds: Math.round((performance.now() - began) / 1000) }))
  } finally {
    await rm(place, { recursive: true, force: true })
  }
}
