import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openRootKey } from '../packages/keyturn/dist/root-key.js'
import { canTrace } from './file-store/can-trace.ts'
import { powerLosses } from './file-store/power-loss.ts'
import { type Operation, record } from './file-store/recorded-operations.ts'
import { VolatileDisk } from './file-store/volatile-disk.ts'

// Making a root key, recorded and replayed as in file-store-power-loss.test.ts.

const KEYTURN = fileURLToPath(new URL('../packages/keyturn/bin/keyturn.js', import.meta.url))
const isTraceable = canTrace('the power failing at every file operation that makes a root key')
let place: string
let root: string
let operations: readonly Operation[]

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'keyturn-root-power-'))
  root = join(place, 'root')
  await mkdir(root)
  operations = await record({
    command: [process.execPath, KEYTURN, 'keys', 'root', '--create', '--root-key-file', fileIn(root)],
    root,
    trace: join(place, 'trace'),
  })
})
afterAll(() => rm(place, { recursive: true, force: true }))

const fileIn = (folder: string) => join(folder, 'keys', 'root.jwk')

/** What the next command finds. */
async function examine(folder: string): Promise<string> {
  return await openRootKey(fileIn(folder)).then(
    () => 'whole',
    ({ code, message }) => (/ENOENT/.test(message) ? 'nothing' : code),
  )
}

describe.skipIf(!isTraceable)('a power failure at any point at which a root key is made (R17, R30)', () => {
  const losses = (recorded: readonly Operation[]) =>
    powerLosses({
      disk: async () => new VolatileDisk(),
      operations: recorded,
      examine,
      isAllowed: (found, said) => found === 'whole' || (found === 'nothing' && said.length === 0),
    })

  it('leaves none or a whole one; a whole one, and nothing beside it, once it was printed', async () => {
    const { violations, survivors } = await losses(operations)
    expect(violations).toEqual([])
    expect(survivors).toBeGreaterThan(3)
    expect(await readdir(join(root, 'keys'))).toEqual(['root.jwk'])
  })

  it.each([
    ['fsync of the file', /keys\/\.root\.[^/]+\.tmp$/],
    ['fsyncs of the folder', /^keys$/],
  ])('would not without the %s', async (_, path) => {
    const rest = operations.filter((it) => !(it.kind === 'sync' && path.test(it.path)))
    expect(rest.length).toBeLessThan(operations.length)
    expect((await losses(rest)).violations).not.toEqual([])
  })
})
