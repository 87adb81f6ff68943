import { execFileSync } from 'node:child_process'
import {
  chmod,
  chown,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { keyturn, startAuthority, stopAll } from './end-to-end/processes.ts'
import { canMount, NOBODY, SmallDisk } from './file-store/small-disk.ts'

// Starts of an authority of a user without privileges, on what is left of an installation (R15, R16).

const AS_NOBODY = { uid: NOBODY, gid: NOBODY }
const isMountable = canMount('starts on what is left of an installation')
let place: string
let disk: SmallDisk
let env: Record<string, string>

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'keyturn-starts-'))
  await chmod(place, 0o755)
  disk = await SmallDisk.mount(join(place, 'disk'))
  env = {
    KEYTURN_ISSUER: 'http://auth.test',
    KEYTURN_DATA_DIR: path('data'),
    KEYTURN_HTTP_PORT: '0',
    KEYTURN_ADMIN_PORT: '0',
    KEYTURN_KEYS_ALGORITHM: 'EdDSA',
  }
  const first = await startAuthority(env, [], AS_NOBODY)
  await fetch(`${first.ready.url}/health`)
  expect(await first.stop()).toBe(0)
  execFileSync('cp', ['-a', path('data'), join(place, 'whole')])
  await rm(path('data'), { recursive: true })
})
beforeEach(() => {
  execFileSync('cp', ['-a', join(place, 'whole'), path('data')])
})
afterEach(async () => {
  for (const name of await readdir(disk.path))
    if (name !== 'ballast') await rm(path(name), { recursive: true })
})
afterAll(async () => {
  await stopAll()
  disk?.remove()
  await rm(place, { recursive: true, force: true })
})
const path = (...names: readonly string[]) => join(disk.path, ...names)
const RING = 'data/keys/ring.000000000001.json'

async function behindLink(name: string): Promise<void> {
  await rename(path(name), path('elsewhere'))
  await symlink(path('elsewhere'), path(name))
}
async function flipBit(name: string): Promise<void> {
  const bytes = await readFile(path(name))
  bytes[200] = (bytes[200] ?? 0) ^ 1
  await writeFile(path(name), bytes)
}
/** Names, owners, modes, and what is in the files. SQLite may have recovered its own. */
function photograph(): string {
  const names = "find . ! -name 'state.db?*' -printf '%p %y %U %m %l\\n'"
  const contents = "find . -type f ! -name 'state.db*' -exec sha256sum {} +"
  return execFileSync('sh', ['-c', `(${names}; ${contents}) | sort`], { cwd: disk.path }).toString()
}

describe.skipIf(!isMountable)('a start stops, names the file and says how to recover (R16)', () => {
  it.each<[string, () => Promise<unknown>, string, string, RegExp]>([
    [
      'the ring was cut short',
      () => truncate(path(RING), 300),
      'ring_corrupt',
      RING,
      /keyturn keys restore FILE/,
    ],
    [
      'the ring was emptied',
      () => truncate(path(RING), 0),
      'ring_corrupt',
      RING,
      /keyturn keys restore FILE/,
    ],
    ['a bit of the ring has changed', () => flipBit(RING), 'ring_corrupt', RING, /keyturn keys restore FILE/],
    ['the ring is gone', () => rm(path(RING)), 'ring_missing', 'data/keys', /keyturn keys restore FILE/],
    [
      'its folder is gone',
      () => rm(path('data/keys'), { recursive: true }),
      'ring_missing',
      'data/keys',
      /keyturn keys restore FILE/,
    ],
    ['the ring is behind a link', () => behindLink(RING), 'store_unsafe', RING, /move it away/],
    [
      'its folder is behind a link',
      () => behindLink('data/keys'),
      'store_unsafe',
      'data/keys',
      /move it away/,
    ],
    ['the ring is of somebody else', () => chown(path(RING), 0, 0), 'store_unsafe', RING, /chown 65534 /],
    [
      'its folder is of somebody else',
      () => chown(path('data/keys'), 0, 0),
      'store_unsafe',
      'data/keys',
      /chown 65534 /,
    ],
    ['others can read the ring', () => chmod(path(RING), 0o644), 'store_unsafe', RING, /chmod 0600 /],
    [
      'others can read its folder',
      () => chmod(path('data/keys'), 0o755),
      'store_unsafe',
      'data/keys',
      /chmod 0700 /,
    ],
    [
      'the ring may not be read',
      () => chmod(path(RING), 0),
      'store_failed',
      RING,
      /chown -R 65534 .*chmod -R/,
    ],
    [
      'its folder may not be read',
      () => chmod(path('data/keys'), 0),
      'store_failed',
      'data/keys',
      /chown -R 65534 .*chmod -R/,
    ],
    ['the state is gone', () => rm(path('data/state.db')), 'state_missing', 'data/state.db', /serve --init/],
    [
      'the state was emptied',
      () => truncate(path('data/state.db')),
      'state_corrupt',
      'data/state.db',
      /serve --init/,
    ],
    [
      'the state was cut short',
      () => truncate(path('data/state.db'), 8000),
      'state_corrupt',
      'data/state.db',
      /serve --init/,
    ],
    [
      'the data folder may not be written',
      () => chmod(path('data'), 0o500),
      'state_failed',
      'data/state.db',
      /lets this user write/,
    ],
  ])('when %s, and leaves all as it is', async (_, damage, code, file, remedy) => {
    await damage()
    const before = photograph()
    const { code: exitCode, stderr } = await keyturn(['serve'], env, AS_NOBODY)
    expect(exitCode).toBeGreaterThan(0)
    expect(stderr.split('\n').at(-2)).toMatch(`keyturn: ${code}: `)
    expect(stderr).toMatch(`${path(file)}`)
    expect(stderr).toMatch(remedy)
    expect(photograph()).toBe(before)
  })

  it('when the disk is full and even the state cannot be opened', async () => {
    await disk.fill({ pages: 0 })
    const { stderr } = await keyturn(['serve'], env, AS_NOBODY)
    await disk.empty()
    expect(stderr).toMatch(/keyturn: state_failed: .*data\/state\.db .*has space/)
  })
})
