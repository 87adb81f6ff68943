import { chmod, chown, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codeOf } from '@keyturn/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { assertPrivateFolder, makePrivateFolder, writePrivateFile } from './private-files.ts'

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
