import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdtemp, readdir, readFile, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { DEFAULT_POLICY, FileKeyStore, KeyManager } from '@keyturn/keyring'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { canTrace } from './file-store/can-trace.ts'
import { killCampaign } from './file-store/kill-campaign.ts'

// Writers that are killed, that fail, and that meet (R15, R17, R18). The campaign of 1,000: `node tests/file-store/kill-campaign.ts`.

const WRITER = fileURLToPath(new URL('./file-store/ring-writer.ts', import.meta.url))
const KILLS = 60
const LONGEST_LIFE_MS = 30
const NAPS = 10
const AN_HOUR_AGO = Date.now() / 1000 - 3600
const running = new Set<ChildProcess>()
let place: string
let folder: string
let store: FileKeyStore

beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'keyturn-crash-'))
  folder = join(place, 'keys')
  store = new FileKeyStore({ directory: folder })
  await (await KeyManager.open({ store, policy: { ...DEFAULT_POLICY, algorithm: 'EdDSA' } })).close()
  await saveNext()
})
afterEach(async () => {
  for (const child of running) child.kill('SIGKILL')
  await rm(place, { recursive: true, force: true })
})

describe('writers that are killed at random instants under load (R17)', () => {
  it(
    `leave the acknowledged ring or one after it, ${KILLS} times`,
    async () => {
      const { kills, generations } = await killCampaign({ folder, kills: KILLS })
      expect(kills).toBe(KILLS)
      expect(generations).toBeGreaterThan(KILLS)
    },
    60_000 + KILLS * 2000,
  )
})

describe('writers that meet (R15)', () => {
  it('never both win a generation, also when one of them sleeps in between', async () => {
    const first = (await generation()) + 1
    const writers = [start('race'), start('race'), start('race')]
    await Promise.all(writers.map(({ next }) => next()))
    const ends = Promise.all(writers.map(({ child }) => once(child, 'close')))
    for (const { child } of writers) child.stdin?.write(`${first + 200}\n`)
    for (let nap = 0; nap < NAPS; nap++) {
      const sleeper = writers[nap % writers.length]?.child
      sleeper?.kill('SIGSTOP')
      await sleep(Math.random() * LONGEST_LIFE_MS)
      sleeper?.kill('SIGCONT')
    }
    expect((await ends).map(([code]) => code)).toEqual([0, 0, 0])
    const won = writers.flatMap(({ lines }) => lines.slice(1).map(Number)).sort((a, b) => a - b)
    expect(new Set(won).size).toBe(won.length)
    expect(won.at(-1)).toBe(await generation())
    // who sleeps right after the link, while two others build on it, is told to think again
    expect((await generation()) - first + 1 - won.length).toBeLessThanOrEqual(NAPS)
  }, 60_000)
})

describe('a folder that may not be written (R18)', () => {
  it('is said to be so, and is still read', async () => {
    await chmod(folder, 0o500)
    const { child, lines } = start('once', { powerless: true })
    await once(child, 'close')
    await chmod(folder, 0o700)
    expect(lines).toEqual(['store_failed'])
    expect(await generation()).toBe(2)
  })
})

const isTraceable = canTrace('a kill and a failure at every system call of a save')
describe.skipIf(!isTraceable)('every system call of one save (R17, R18)', () => {
  it('may be the last: the store holds the old or the new ring, whole', async () => {
    const calls = await callsOfSave()
    const published = calls.findIndex(({ name }) => name.startsWith('link'))
    expect(calls.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['openat', 'write', 'fsync', 'unlink']),
    )
    for (const [index, call] of calls.entries()) {
      await afresh(async () => {
        const { signal } = await trace(`${call.name}:signal=KILL:when=${call.count}`)
        expect([call, signal]).toEqual([call, 'SIGKILL'])
        expect([call, await generation()]).toEqual([call, index > published ? 4 : 3])
        await expectNoMoreThanOneLeftover()
      })
    }
  })

  it('may fail, of a full or a broken disk: the save says so, and the store is whole', async () => {
    const calls = await callsOfSave()
    const published = calls.findIndex(({ name }) => name.startsWith('link'))
    for (const [index, call] of calls.entries()) {
      await afresh(async () => {
        const errno = index % 2 === 0 ? 'ENOSPC' : 'EIO'
        const { stdout } = await trace(`${call.name}:error=${errno}:when=${call.count}`)
        expect([call, stdout]).toEqual([call, 'store_failed\n'])
        expect([call, await generation()]).toEqual([call, index > published ? 4 : 3])
        await expectNoMoreThanOneLeftover()
      })
    }
  })
})

/** Root may write everywhere, unless it gives that power away. */
const POWERLESS = ['setpriv', '--bounding-set=-dac_override', '--inh-caps=-dac_override']

function start(mode: string, { powerless = false } = {}) {
  const isToDrop = powerless && process.getuid?.() === 0
  const [program = '', ...args] = [...(isToDrop ? POWERLESS : []), process.execPath, WRITER, mode, folder]
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  running.add(child)
  child.once('close', () => running.delete(child))
  const lines: string[] = []
  const reader = createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  return { child, lines, next: () => once(reader, 'line') }
}

async function generation(): Promise<number> {
  return (await store.load())?.generation ?? 0
}

async function saveNext(): Promise<void> {
  const ring = await store.load()
  if (ring === undefined) throw new Error('expected a ring')
  await store.save({ ...ring, generation: ring.generation + 1 }, ring.generation)
}

async function files(): Promise<readonly string[]> {
  return (await readdir(folder)).map((name) => join(folder, name))
}

/** A temporary file that was left behind goes at a save, once it is too old to be in use; so do older generations. */
async function expectNoMoreThanOneLeftover(): Promise<void> {
  const leftovers = (await files()).filter((path) => path.endsWith('.tmp'))
  expect(leftovers.length).toBeLessThanOrEqual(1)
  for (const path of leftovers) await utimes(path, AN_HOUR_AGO, AN_HOUR_AGO)
  await saveNext()
  const newest = await generation()
  const left = [newest - 1, newest].map((it) => `ring.${String(it).padStart(12, '0')}.json`)
  expect(await readdir(folder)).toEqual(left)
}

/** Starts from the same folder, with three generations behind it, each time. */
async function afresh(action: () => Promise<void>): Promise<void> {
  if ((await generation()) === 2) await saveNext()
  const kept = join(place, 'kept')
  await cp(folder, kept, { recursive: true, preserveTimestamps: true })
  await action()
  await rm(folder, { recursive: true })
  await cp(kept, folder, { recursive: true })
  await rm(kept, { recursive: true })
}

/** A system call by its name, and by how many of that name its thread has made before, itself included. */
interface Call {
  readonly name: string
  readonly count: number
}

const TRACED = 'openat,write,pwrite64,fsync,fdatasync,fchmod,fchown,link,linkat,unlink,unlinkat,rename'

/** The calls that a save makes on the one thread of the pool, from the first that could write to the last. */
async function callsOfSave(): Promise<readonly Call[]> {
  const calls: Call[] = []
  await afresh(async () => {
    await trace()
    const counts = new Map<string, number>()
    for (const line of (await readFile(join(place, 'trace'), 'utf8')).split('\n')) {
      const [, thread, name = ''] = /^(\d+) +(\w+)\(/.exec(line) ?? []
      const count = (counts.get(`${thread} ${name}`) ?? 0) + 1
      counts.set(`${thread} ${name}`, count)
      const isOfSave = calls.length > 0 || line.includes(`${folder}/.ring.`)
      const isOfFiles = /"keyturn-ring|\/keys|^\d+ +f(sync|datasync|chmod|chown)\(/.test(line)
      if (isOfSave && isOfFiles) calls.push({ name, count })
    }
  })
  return calls
}

async function trace(inject?: string) {
  const args = ['-f', '-o', join(place, 'trace'), '-e', `trace=${TRACED}`]
  if (inject !== undefined) args.push('-e', `inject=${inject}`)
  const env = { ...process.env, UV_THREADPOOL_SIZE: '1' }
  return await new Promise<{ signal: string | undefined; stdout: string }>((resolve) => {
    execFile('strace', [...args, process.execPath, WRITER, 'once', folder], { env }, (error, stdout) =>
      resolve({ signal: error?.signal ?? undefined, stdout: stdout.replace(/^\d+\n/, '') }),
    )
  })
}
