import { execFileSync } from 'node:child_process'
import {
  chmod,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fakeClock } from '@keyturn/testing'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Snapshot } from './snapshot.ts'
import { SnapshotFile } from './snapshot-file.ts'

const clock = fakeClock()
const SEAL = { url: 'https://auth.example/jwks.json', secret: 'a secret of this service, 32 or more' }
const SNAPSHOT: Snapshot = { body: Buffer.from('{"keys":[]}'), etag: '"1"', askedAt: clock.now(), freshMs: 1 }
/** Base64 within JSON within JSON, of the largest set that there is. */
const LONGEST = 2 * 65_536 + 4096

const root = await mkdtemp(join(tmpdir(), 'keyturn-snapshot-file-'))
afterAll(() => rm(root, { recursive: true, force: true }))
let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(root, 'one-'))
  path = join(folder, 'snapshot.json')
})
afterEach(() => vi.restoreAllMocks())

const at = (path: string) => new SnapshotFile({ path, clock, ...SEAL })
const failed = (operation: string, errno: string) =>
  expect.objectContaining({
    code: 'snapshot_failed',
    message: `cannot ${operation} the snapshot (${errno})`,
    remedy: 'let this user read and write the file, and its folder',
    cause: expect.any(Error),
  })

/** What every file handle of the process is an instance of. */
async function fileHandles() {
  const file = await open(root)
  await file.close()
  return Object.getPrototypeOf(file) as typeof file
}

/** What of the folder is open still, where the system tells. */
async function leftOpen(): Promise<string[]> {
  const names = await readdir('/proc/self/fd').catch(() => [])
  const paths = await Promise.all(names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')))
  return paths.filter((path) => path.startsWith(folder))
}

describe('a snapshot in a file (R38)', () => {
  it('is read as it was written, also by another process', async () => {
    await at(path).write(SNAPSHOT)
    expect(await at(path).read()).toEqual(SNAPSHOT)
  })

  it('is none where there is no file', async () => {
    expect(await at(path).read()).toBeUndefined()
  })

  it('takes the place of the one before, and leaves nothing beside it', async () => {
    await at(path).write(SNAPSHOT)
    await at(path).write({ ...SNAPSHOT, freshMs: 2 })
    expect(await at(path).read()).toMatchObject({ freshMs: 2 })
    expect(await readdir(folder)).toEqual(['snapshot.json'])
  })

  it('is for its owner alone, whatever had the name before', async () => {
    await writeFile(path, '')
    await chmod(path, 0o666)
    await at(path).write(SNAPSHOT)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  it('replaces a link, and does not write where that leads', async () => {
    const elsewhere = join(folder, 'elsewhere')
    await writeFile(elsewhere, 'untouched')
    await symlink(elsewhere, path)
    await at(path).write(SNAPSHOT)
    expect(await readFile(elsewhere, 'utf8')).toBe('untouched')
    expect(await at(path).read()).toEqual(SNAPSHOT)
  })

  it('is on the disk before it has its name, and its name before the write is over', async () => {
    const handles = await fileHandles()
    const sync = vi.spyOn(handles, 'sync')
    const named: string[][] = []
    sync.mockImplementation(async () => void named.push(await readdir(folder)))
    await at(path).write(SNAPSHOT)
    expect(named).toEqual([[expect.stringMatching(/^snapshot\.json\..+\.tmp$/)], ['snapshot.json']])
    expect(await leftOpen()).toEqual([])
  })

  it('is refused where its folder is none, or is somebody else’s file', async () => {
    await expect(at(join(folder, 'none', 'snapshot.json')).write(SNAPSHOT)).rejects.toThrow(
      failed('write', 'ENOENT'),
    )
    await mkdir(join(path, 'not empty'), { recursive: true })
    await expect(at(path).write(SNAPSHOT)).rejects.toThrow(failed('write', 'EISDIR'))
    expect(await readdir(folder)).toEqual(['snapshot.json'])
  })

  it('leaves the one before where the disk is full, and nothing beside it', async () => {
    await at(path).write(SNAPSHOT)
    const full = Object.assign(new Error('no space'), { code: 'ENOSPC' })
    const handles = await fileHandles()
    vi.spyOn(handles, 'writeFile').mockRejectedValueOnce(full)
    await expect(at(path).write({ ...SNAPSHOT, freshMs: 2 })).rejects.toThrow(failed('write', 'ENOSPC'))
    expect(await leftOpen()).toEqual([])
    expect(await at(path).read()).toEqual(SNAPSHOT)
    expect(await readdir(folder)).toEqual(['snapshot.json'])
  })

  it.each([
    ['a link', () => symlink('other.json', path), 'ELOOP'],
    ['a folder', () => mkdir(path), 'unknown error'],
    ['a pipe, which would hang', async () => void execFileSync('mkfifo', [path]), 'unknown error'],
    ['longer than any', () => writeFile(path, ' '.repeat(LONGEST + 1)), 'unknown error'],
  ])('is not read from what is %s', async (_, make, errno) => {
    await make()
    await expect(at(path).read()).rejects.toThrow(failed('read', errno))
    expect(await leftOpen()).toEqual([])
  })

  it('is read where it is as long as one may be, and then found to be none', async () => {
    await writeFile(path, ' '.repeat(LONGEST))
    await expect(at(path).read()).rejects.toMatchObject({ code: 'snapshot_refused' })
  })

  it('of the largest set that there is fits', async () => {
    const body = Buffer.alloc(65_536, '"')
    await at(path).write({ ...SNAPSHOT, body })
    expect(await at(path).read()).toEqual({ ...SNAPSHOT, body })
  })
})
