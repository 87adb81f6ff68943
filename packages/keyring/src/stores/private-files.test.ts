import { randomUUID } from 'node:crypto'
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codeOf } from '@keyturn/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  assertPrivateFolder,
  assertUnshared,
  createPrivateFile,
  makePrivateFolder,
  removeAbandoned,
  temporaryPath,
  writePrivateFile,
} from './private-files.ts'

let place: string
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'keyturn-private-'))
})
afterEach(() => rm(place, { recursive: true, force: true }))

const owner = () => stat(place)
const SOMEBODY = 4711

describe('files of one owner (R15)', () => {
  it('are new ones: what is there is never written into, nor where a link leads', async () => {
    const path = join(place, 'secret')
    await writePrivateFile(path, 'x', await owner())
    expect(await codeOf(writePrivateFile(path, 'y', await owner()))).toBe('EEXIST')
    await symlink(join(place, 'elsewhere'), join(place, 'link'))
    expect(await codeOf(writePrivateFile(join(place, 'link'), 'y', await owner()))).toBe('EEXIST')
  })

  it('are whole from when they have their name, and take nobody the place', async () => {
    const path = join(place, 'root.jwk')
    await createPrivateFile(path, 'x', 'root')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    await symlink(join(place, 'elsewhere'), join(place, 'link'))
    for (const taken of [path, join(place, 'link')]) {
      expect(await codeOf(createPrivateFile(taken, 'y', 'root'))).toBe('EEXIST')
    }
    expect(await readFile(path, 'utf8')).toBe('x')
    expect((await readdir(place)).sort()).toEqual(['link', 'root.jwk'])
  })

  it('refuses a folder that everybody can write, unless what is in it is nobody else’s to move', async () => {
    const folder = join(place, 'shared')
    await assertUnshared(folder)
    await mkdir(folder)
    for (const [mode, code] of [
      [0o755, 'none'],
      [0o775, 'none'],
      [0o777, 'store_unsafe'],
      [0o1777, 'none'],
    ] as const) {
      await chmod(folder, mode)
      expect(await codeOf(assertUnshared(folder))).toBe(code)
    }
  })

  it('refuses a folder that is a file, or that others can read', async () => {
    await writeFile(join(place, 'file'), '')
    expect(await codeOf(assertPrivateFolder(join(place, 'file')))).toBe('store_unsafe')
    await mkdir(join(place, 'open'))
    await chmod(join(place, 'open'), 0o750)
    expect(await codeOf(assertPrivateFolder(join(place, 'open')))).toBe('store_unsafe')
  })

  const asRoot = it.runIf(process.geteuid?.() === 0)

  asRoot('leaves what root makes to the owner of the folder around it', async () => {
    await chown(place, SOMEBODY, SOMEBODY)
    const folder = join(place, 'data', 'keys')
    await makePrivateFolder(folder)
    await writePrivateFile(join(folder, 'ring'), 'x', await stat(folder))
    const owners = await Promise.all(
      [join(place, 'data'), folder, join(folder, 'ring')].map((it) => stat(it)),
    )
    expect(owners.map(({ uid, gid }) => [uid, gid])).toEqual([
      [SOMEBODY, SOMEBODY],
      [SOMEBODY, SOMEBODY],
      [SOMEBODY, SOMEBODY],
    ])
    expect((await assertPrivateFolder(folder)).uid).toBe(SOMEBODY)
  })

  asRoot('does not let root work in a folder that a third party may have put there', async () => {
    const folder = join(place, 'keys')
    await makePrivateFolder(folder)
    await chown(folder, SOMEBODY, SOMEBODY)
    expect(await codeOf(assertPrivateFolder(folder))).toBe('store_unsafe')
    await chown(folder, 0, 0)
    expect(await codeOf(assertPrivateFolder(folder))).toBe('none')
    await chmod(place, 0o770)
    expect(await codeOf(assertPrivateFolder(folder))).toBe('store_unsafe')
  })
})

describe('what writers that were killed leave behind (R15, R17)', () => {
  const names = async () => (await readdir(place)).sort()
  const made = async (path: string, ageMs: number) => {
    await writeFile(path, 'secret')
    const at = new Date(Date.now() - ageMs)
    await utimes(path, at, at)
    return path
  }
  const OLD = 660_000

  it('is removed once it is old, and so is what SQLite puts beside it', async () => {
    const old = await made(temporaryPath(place, 'state'), OLD)
    await made(`${old}-journal`, OLD)
    await made(temporaryPath(place, 'ring'), -OLD)
    await made(temporaryPath(place, 'root'), OLD)
    await removeAbandoned(place, Date.now())
    expect(await names()).toEqual([])
  })

  it('stays while a writer that lives may be at it', async () => {
    const young = await made(temporaryPath(place, 'ring'), 540_000)
    await removeAbandoned(place, Date.now())
    expect(await names()).toEqual([young.slice(place.length + 1)])
  })

  it('is nothing else: no file with another name, no folder, no link', async () => {
    const kept = [
      ...['state.db', '.state.tmp', `.state.${randomUUID()}.tmp.old`, `ring.${randomUUID()}.tmp`],
      ...[`.rsync.${randomUUID()}.tmp`, `.ring.${'-'.repeat(36)}.tmp`, `.ring.${'0'.repeat(36)}.tmp`],
      '.ring.0b5c1f3e-8a0e-1c1d-9a57-3f2f3a9d8c11.tmp',
    ]
    for (const name of kept) await made(join(place, name), OLD)
    const folder = temporaryPath(place, 'backup')
    await mkdir(folder)
    await utimes(folder, 0, 0)
    await symlink(join(place, 'state.db'), temporaryPath(place, 'bootstrap'))
    await removeAbandoned(place, Date.now())
    expect(await names()).toHaveLength(kept.length + 2)
  })

  it.runIf(process.geteuid?.() === 0)(
    'is nothing of somebody else than the owner of the folder',
    async () => {
      await chown(await made(temporaryPath(place, 'ring'), OLD), SOMEBODY, SOMEBODY)
      await removeAbandoned(place, Date.now())
      expect(await names()).toHaveLength(1)
    },
  )
})
