import { cp, mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FileKeyStore } from '@keyturn/keyring'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { canTrace } from './file-store/can-trace.ts'
import { materialise, type PowerLosses, powerLosses } from './file-store/power-loss.ts'
import { below, type Operation, record } from './file-store/recorded-operations.ts'
import { VolatileDisk } from './file-store/volatile-disk.ts'

// A kill cannot show that an fsync is missing: the kernel still has everything. So the file operations of a program are
// recorded, and replayed on a disk that loses what was not synced (R15, R17).

const WRITER = fileURLToPath(new URL('./file-store/ring-writer.ts', import.meta.url))
/** Takes from a new file what its owner needs, so that only a chmod gives it. */
const HOSTILE_UMASK = 0o277
const isTraceable = canTrace('the power failing at every file operation of a save')
let place: string

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'keyturn-power-'))
})
afterAll(() => rm(place, { recursive: true, force: true }))

/** Records what the writer does below a folder of the place. */
async function write(mode: string, root: string, folders: readonly string[], umask = 0o022) {
  const command = [process.execPath, WRITER, mode, ...folders.map((it) => join(place, root, it))]
  return await record({ command, root: join(place, root), trace: join(place, 'trace'), umask })
}

/** The generation of the ring that survived, if it is whole, its owner's only, and can go on; or why not. */
async function examine(folder: string): Promise<string> {
  const store = new FileKeyStore({ directory: folder })
  try {
    const ring = await store.load()
    if (ring === undefined) return 'nothing'
    for (const name of (await readdir(folder)).filter((it) => it.endsWith('.json'))) {
      const mode = (await stat(join(folder, name))).mode & 0o777
      if (mode !== 0o600) return `mode ${mode.toString(8)}`
    }
    const next = { ...ring, generation: ring.generation + 1 }
    await store.save(next, ring.generation)
    return (await store.load())?.generation === next.generation ? String(ring.generation) : 'stuck'
  } catch (error) {
    return (error as { code: string }).code
  }
}

/** Programs that were killed after each operation, what those after them did and said, and the power then failing. */
async function lossesAfterKills(
  { operations, disk }: { operations: readonly Operation[]; disk: () => Promise<VolatileDisk> },
  folder: string,
  isAllowed: (found: string, said: readonly string[]) => boolean,
): Promise<PowerLosses> {
  const killed = await mkdtemp(join(place, 'killed-'))
  const names: string[] = []
  const end = await disk()
  for (const [index, operation] of operations.entries()) {
    end.apply(operation)
    if (operation.kind === 'said') break
    names.push(String(index))
    await mkdir(join(killed, String(index)))
    await materialise(end.visible(), join(killed, String(index)))
  }
  const after = await write(
    'begin',
    killed.slice(place.length + 1),
    names.map((it) => join(it, folder)),
  )
  const lines = after.filter(({ kind }) => kind === 'said')
  expect(lines.length).toBe(names.length)
  const all = { violations: [] as string[], survivors: 0 }
  for (const [index, name] of names.entries()) {
    const { violations, survivors } = await powerLosses({
      disk,
      operations: [
        ...operations.slice(0, index + 1),
        ...below(name, after),
        ...lines.slice(index, index + 1),
      ],
      from: index + 1,
      examine: (survivor) => examine(join(survivor, folder)),
      isAllowed,
    })
    all.violations.push(...violations.map((it) => `killed after ${index}, ${it}`))
    all.survivors += survivors
  }
  return all
}

const sync = (path: RegExp) => (it: Operation) => it.kind === 'sync' && path.test(it.path)
const chmod = (path: RegExp) => (it: Operation) => it.kind === 'chmod' && path.test(it.path)

describe.skipIf(!isTraceable)('a power failure at any point of a save (R15, R17)', () => {
  let operations: readonly Operation[]
  const disk = () => VolatileDisk.of(join(place, 'before'), HOSTILE_UMASK)
  const isAllowed = (found: string, said: readonly string[]) =>
    found === '4' || (found === '3' && !said.includes('4'))
  const losses = (recorded: readonly Operation[]) =>
    powerLosses({ disk, operations: recorded, examine: (it) => examine(join(it, 'keys')), isAllowed })

  beforeAll(async () => {
    await write('begin', 'saves', ['keys'])
    for (let save = 0; save < 2; save++) await write('once', 'saves', ['keys'])
    await cp(join(place, 'saves'), join(place, 'before'), { recursive: true })
    operations = await write('once', 'saves', ['keys'], HOSTILE_UMASK)
  })

  it('is replayed on a disk that does what this one does', async () => {
    const end = await disk()
    for (const operation of operations) end.apply(operation)
    const real = await VolatileDisk.of(join(place, 'saves'))
    expect([...end.visible()].sort()).toEqual([...real.visible()].sort())
  })

  it('leaves the old or the new ring, whole; the new one once that was said', async () => {
    const { violations, survivors } = await losses(operations)
    expect(violations).toEqual([])
    expect(survivors).toBeGreaterThanOrEqual(10)
  })

  it.each([
    ['fsync of the file', sync(/\.tmp$/), /ring_corrupt/],
    ['fsyncs of the folder', sync(/keys$/), /after \d+ 4: 3/],
    ['chmod of the file', chmod(/\.tmp$/), /mode 400/],
  ])('would not without the %s', async (_, isLeftOut, expected) => {
    const rest = operations.filter((it) => !isLeftOut(it))
    expect(rest.length).toBeLessThan(operations.length)
    expect((await losses(rest)).violations.join('\n')).toMatch(expected)
  })

  it('cannot take back a ring that a killed save left, and that an authority has published since', async () => {
    const { violations } = await lossesAfterKills({ operations, disk }, 'keys', isAllowed)
    expect(violations).toEqual([])
  })
})

describe.skipIf(!isTraceable)('a power failure at any point of the first save (R15, R16, R17)', () => {
  let operations: readonly Operation[]
  const disk = async () => new VolatileDisk()
  const isAllowed = (found: string, said: readonly string[]) =>
    found === '1' || (found === 'nothing' && said.length === 0)
  const losses = (recorded: readonly Operation[]) =>
    powerLosses({ disk, operations: recorded, examine: (it) => examine(join(it, 'data/keys')), isAllowed })

  beforeAll(async () => {
    await mkdir(join(place, 'first'))
    operations = await write('begin', 'first', ['data/keys'])
  })

  it('leaves nothing of a ring, or the ring, whole; the ring once that was said', async () => {
    const { violations, survivors } = await losses(operations)
    expect(violations).toEqual([])
    expect(survivors).toBeGreaterThanOrEqual(10)
  })

  it.each([
    ['fsync of the file', sync(/\.tmp$/), /ring_corrupt/],
    ['fsyncs of its folder', sync(/keys$/), /1: nothing/],
    ['fsync of the folder around that', sync(/^data$/), /1: nothing/],
    ['fsync of the folder in which that was made', sync(/^$/), /1: nothing/],
  ])('would not without the %s', async (_, isLeftOut, expected) => {
    const rest = operations.filter((it) => !isLeftOut(it))
    expect(rest.length).toBeLessThan(operations.length)
    expect((await losses(rest)).violations.join('\n')).toMatch(expected)
  })

  it('cannot take back the ring of a start that follows one that was killed', async () => {
    const { violations } = await lossesAfterKills({ operations, disk }, 'data/keys', isAllowed)
    expect(violations).toEqual([])
  })
})
