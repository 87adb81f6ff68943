import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@keyturn/core'
import { afterAll, describe, expect, it } from 'vitest'
import { SnapshotFile } from './snapshot-file.ts'
import { removeLeftovers } from './snapshot-leftovers.ts'

const folder = await mkdtemp(join(tmpdir(), 'keyturn-leftovers-'))
afterAll(() => rm(folder, { recursive: true, force: true }))

const path = join(folder, 'set.json')
const OLD = new Date(Date.now() - 2 * 3600_000)
const uuid = () => crypto.randomUUID()
const snapshot = { body: Buffer.from('{}'), etag: undefined, askedAt: 0, freshMs: 0 }
const store = () =>
  new SnapshotFile({ path, url: 'https://keys.test/', secret: 'x'.repeat(32), clock: systemClock })

async function leave(name: string, at = OLD): Promise<string> {
  await writeFile(join(folder, name), 'half a snapsh')
  await utimes(join(folder, name), at, at)
  return name
}

describe('what a killed process left beside the snapshot (R38)', () => {
  it('goes with the first write, where it is ours and old; nothing else does', async () => {
    await leave(`set.json.${uuid()}.tmp`)
    await leave(`set.json.${uuid()}.tmp`)
    const linked = `set.json.${uuid()}.tmp`
    await symlink(join(folder, 'set.json.bak'), join(folder, linked))
    const directory = `set.json.${uuid()}.tmp`
    await mkdir(join(folder, directory))
    const kept = await Promise.all([
      leave(`set.json.${uuid()}.tmp`, new Date()),
      leave(`other.json.${uuid()}.tmp`),
      leave(`my-set.json.${uuid()}.tmp`),
      leave('set.json.notes.tmp'),
      leave(`set.json.${uuid()}`),
      leave(`set.json.${uuid()}-2.tmp`),
      leave('set.json.bak'),
    ])
    const one = store()
    await one.write(snapshot)
    expect((await readdir(folder)).sort()).toEqual([...kept, linked, directory, 'set.json'].sort())
    // a folder may be large: it is looked through once
    const again = await leave(`set.json.${uuid()}.tmp`)
    await one.write(snapshot)
    expect(await readdir(folder)).toContain(again)
    await store().write(snapshot)
    expect(await readdir(folder)).not.toContain(again)
  })

  it('is no matter where the folder cannot be read', async () => {
    await expect(removeLeftovers(join(folder, 'nowhere', 'set.json'), Date.now())).resolves.toBeUndefined()
  })
})
