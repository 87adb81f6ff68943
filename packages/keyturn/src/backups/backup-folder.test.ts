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
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DEFAULT_POLICY, KeyManager, MemoryKeyStore, readBackup } from '@keyturn/keyring'
import { temporaryPath } from '@keyturn/keyring/private-files'
import { codeOf } from '@keyturn/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { BackupFolder } from './backup-folder.ts'
import { backupOf } from './backup-name.ts'

const NOW = Date.parse('2026-11-25T14:00:00Z')
let keys: KeyManager
let place: string
let path: string
let folder: BackupFolder
beforeAll(async () => {
  keys = await KeyManager.open({
    store: new MemoryKeyStore(),
    policy: { ...DEFAULT_POLICY, algorithm: 'EdDSA' },
  })
})
afterAll(() => keys.close())
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'keyturn-backups-'))
  path = join(place, 'backups')
  folder = new BackupFolder(path, { dataDir: place })
})
afterEach(() => rm(place, { recursive: true, force: true }))

const ring = () => keys.ring()
const look = () => folder.look(ring().ringId)
const asRoot = it.runIf(process.geteuid?.() === 0)

describe('a folder of backups (R15, R21)', () => {
  it('is made private, and holds backups that only their owner can read and that restore', async () => {
    expect(await look()).toEqual({ whole: [], damaged: [], sharesDisk: true })
    expect((await stat(path)).mode & 0o777).toBe(0o700)
    const made = await folder.write(ring(), NOW)
    expect(await readdir(path)).toEqual([made.name])
    expect((await stat(join(path, made.name))).mode & 0o777).toBe(0o600)
    expect((await readBackup(join(path, made.name))).keys.map(({ kid }) => kid)).toEqual(
      ring().keys.map(({ kid }) => kid),
    )
    expect(await look()).toEqual({ whole: [made], damaged: [], sharesDisk: true })
  })

  it('is refused when others can read it, and is not made anew once it is lost', async () => {
    await look()
    await chmod(path, 0o755)
    expect(await codeOf(look())).toBe('store_unsafe')
    await rm(path, { recursive: true })
    expect(await codeOf(look())).toBe('backup_failed')
    expect(await readdir(place)).toEqual([])
  })

  asRoot('belongs to the owner of the folder around it, and so do the backups', async () => {
    await chown(place, 4711, 4712)
    await look()
    const { name } = await folder.write(ring(), NOW)
    for (const it of [path, join(path, name)]) expect(await stat(it)).toMatchObject({ uid: 4711, gid: 4712 })
  })

  it('tells what is damaged from what is whole, and looks at nothing else', async () => {
    await look()
    const [cut, renamed, whole] = await Promise.all(
      [0, 1000, 2000].map((later) => folder.write(ring(), NOW + later)),
    )
    await truncate(join(path, cut?.name ?? ''), 100)
    const other = backupOf({ ringId: ring().ringId, generation: 7 }, NOW)
    await writeFile(join(path, other.name), await readFile(join(path, renamed?.name ?? '')), { mode: 0o600 })
    await symlink(join(path, whole?.name ?? ''), join(path, backupOf(ring(), NOW + 3000).name))
    const foreign = backupOf({ ringId: '00000000-0000-0000-0000-000000000000', generation: 1 }, NOW)
    await writeFile(join(path, foreign.name), 'of another ring')
    await writeFile(join(path, 'notes.txt'), 'of the operator')
    await mkdir(join(path, 'folder'))
    const found = await look()
    expect(found.whole).toEqual([renamed, whole])
    expect([...found.damaged].sort()).toEqual(
      [cut?.name, other.name, backupOf(ring(), NOW + 3000).name].sort(),
    )
  })

  it('is rid of what a killed process left behind, and keeps what one that lives is at', async () => {
    await look()
    const [old, young] = [temporaryPath(path, 'backup'), temporaryPath(path, 'backup')]
    for (const it of [old, young]) await writeFile(it, 'keys', { mode: 0o600 })
    await utimes(old, 0, 0)
    await utimes(young, NOW / 1000, NOW / 1000)
    const { name } = await folder.write(ring(), NOW)
    expect(new Set(await readdir(path))).toEqual(new Set([young.slice(path.length + 1), name]))
  })

  it('has none of a backup that could not be written or does not open', async () => {
    await look()
    const sealer = { seal: async () => 'sealed', open: async () => Buffer.from('{}') }
    expect(await codeOf(new BackupFolder(path, { sealer, dataDir: place }).write(ring(), NOW))).toBe(
      'backup_corrupt',
    )
    expect(await readdir(path)).toEqual([])
  })

  it('says whether it is on the disk of the data', async () => {
    expect((await look()).sharesDisk).toBe(true)
    for (const dataDir of ['/proc', join(place, 'gone')]) {
      expect((await new BackupFolder(path, { dataDir }).look(ring().ringId)).sharesDisk).toBe(false)
    }
  })

  it('does not mind that somebody else has deleted a backup', async () => {
    await look()
    const made = await folder.write(ring(), NOW)
    await folder.delete(made)
    await folder.delete(made)
    expect(await look()).toEqual({ whole: [], damaged: [], sharesDisk: true })
  })
})
