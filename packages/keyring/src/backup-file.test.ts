import { chown, mkdtemp, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codeOf } from '@keyturn/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkBackup, readBackup, writeBackup } from './backup-file.ts'
import { openManager } from './open-manager.fixture.ts'

let place: string
let file: string
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'keyturn-backup-'))
  file = join(place, 'backup.ring')
})
afterEach(() => rm(place, { recursive: true, force: true }))
const ring = async () => (await openManager()).keys.ring()

describe('a backup (R15, R21)', () => {
  it('is whole when it is of its generation and as it was written, which takes no key to say', async () => {
    const sealer = { seal: async () => 'sealed', open: () => Promise.reject(new Error('no key')) }
    await writeBackup(file, await ring(), { sealer })
    await checkBackup(file, 1)
    expect(await codeOf(checkBackup(file, 2))).toBe('backup_corrupt')
    await truncate(file, (await stat(file)).size - 1)
    expect(await codeOf(checkBackup(file, 1))).toBe('backup_corrupt')
    expect(await codeOf(checkBackup(join(place, 'none'), 1))).toBe('backup_unreadable')
  })

  it.runIf(process.geteuid?.() === 0)(
    'that root makes belongs to the owner of the folder around it',
    async () => {
      await chown(place, 4711, 4712)
      const written = await ring()
      await writeBackup(file, written)
      expect(await stat(file)).toMatchObject({ uid: 4711, gid: 4712, mode: 0o100600 })
      expect((await readBackup(file)).generation).toBe(written.generation)
    },
  )
})
