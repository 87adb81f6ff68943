import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadConfig } from 'keyturn'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openInstallation } from '../packages/keyturn/dist/installation.js'
import { canTrace } from './file-store/can-trace.ts'
import { powerLosses } from './file-store/power-loss.ts'
import { type Operation, record } from './file-store/recorded-operations.ts'
import { VolatileDisk } from './file-store/volatile-disk.ts'

// The first start of an authority, recorded and replayed as in file-store-power-loss.test.ts: the state of SQLite, the ring,
// the first client's file, and what binds them.

const KEYTURN = fileURLToPath(new URL('../packages/keyturn/bin/keyturn.js', import.meta.url))
const isTraceable = canTrace('the power failing at every file operation of a first start')
let place: string
let operations: readonly Operation[]

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'keyturn-first-'))
  const root = join(place, 'root')
  await mkdir(root)
  const flags = [
    '--http-port',
    '0',
    '--admin-port',
    '0',
    '--issuer',
    'http://auth.test',
    '--keys-algorithm',
    'EdDSA',
  ]
  operations = await record({
    command: [process.execPath, KEYTURN, 'serve', '--json', '--data-dir', join(root, 'data'), ...flags],
    root,
    trace: join(place, 'trace'),
    isServer: true,
  })
  operations = operations.slice(0, operations.findIndex(({ kind }) => kind === 'said') + 1)
})
afterAll(() => rm(place, { recursive: true, force: true }))

/** What a start finds: how far the one before came, or why it stops. */
async function examine(folder: string): Promise<string> {
  const dataDir = join(folder, 'data')
  const config = loadConfig({ flags: { dataDir, issuer: 'http://auth.test' }, env: {}, file: undefined })
  try {
    const { state, store, isNew } = await openInstallation(config, false)
    try {
      const ring = await store.load()
      if (isNew) return ring === undefined ? 'begins' : 'goes on'
      const { clientId } = JSON.parse(await readFile(join(dataDir, 'bootstrap-client.json'), 'utf8'))
      const isKnown = (await state.list()).some((client) => client.clientId === clientId)
      return isKnown && (await state.ringId()) === ring?.ringId ? 'complete' : 'mixed'
    } finally {
      await state.close()
    }
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

describe.skipIf(!isTraceable)('a power failure at any point of a first start (R16, R17)', () => {
  const examined = new Map<string, string>()
  const losses = (recorded: readonly Operation[], from = 0, isFirstEnough = false) =>
    powerLosses({
      disk: async () => new VolatileDisk(),
      operations: recorded,
      from,
      // what has not been given its name yet, and what SQLite makes anew
      isUnread: (path) => /\.state\.|-shm$/.test(path),
      examine,
      examined,
      isFirstEnough,
      isAllowed: (found, said) =>
        found === 'complete' || (said.length === 0 && ['begins', 'goes on'].includes(found)),
    })

  it('leaves a beginning, one that goes on, or all of it; all once it was said', async () => {
    const { violations, survivors } = await losses(operations)
    expect(violations).toEqual([])
    expect(survivors).toBeGreaterThan(50)
  })

  it.each([
    ["fsync of the state's file", /\.state\.[^/]+\.tmp$/, 'link'],
    ["fsync of the state's log", /state\.db-wal$/, 'said'],
    ['fsyncs of the keys folder', /data\/keys$/, 'said'],
    ["fsync of the first client's file", /\.bootstrap\.[^/]+\.tmp$/, 'said'],
  ])('would not without the %s', async (_, path, from) => {
    const rest = operations.filter((it) => !(it.kind === 'sync' && path.test(it.path)))
    expect(rest.length).toBeLessThan(operations.length)
    const first = rest.findIndex(({ kind }) => kind === from) + 1
    expect((await losses(rest, first, true)).violations).toHaveLength(1)
  })
})
