import { execFileSync } from 'node:child_process'
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FileKeyStore } from '@keyturn/keyring'
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type AuthorityReady, type Running, startAuthority, stopAll } from './end-to-end/processes.ts'
import { canMount, NOBODY, SmallDisk } from './file-store/small-disk.ts'
import { ROTATES_EACH_SECOND } from './timings.ts'

// An authority of a user without privileges, on a disk that fails while it runs (R18).

const AS_NOBODY = { uid: NOBODY, gid: NOBODY }
/** A rotation every second; tokens live for ten. */
const TIMINGS = { ...ROTATES_EACH_SECOND, KEYTURN_ACCESS_TOKEN_TTL: '10s' }
const SOON = { timeout: 15_000, interval: 50 }
const isMountable = canMount('an authority on a disk that is full, read-only, or gone')
let place: string
let disk: SmallDisk
let authority: Running<AuthorityReady>
let credentials: string
const dataDir = () => join(disk.path, 'data')
const keys = () => join(dataDir(), 'keys')
/** The folder of the keys, not by way of its mount. */
const volume = () => join(disk.path, 'volume')
const elsewhere = () => join(disk.path, 'elsewhere')
const held: string[] = []

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'keyturn-faults-'))
  await chmod(place, 0o755)
  disk = await SmallDisk.mount(join(place, 'disk'))
  await mkdir(dataDir(), { mode: 0o700 })
  await chown(dataDir(), NOBODY, NOBODY)
  await disk.mountFolder('volume', keys())
  const env = {
    ...TIMINGS,
    KEYTURN_ISSUER: 'http://auth.test',
    KEYTURN_DATA_DIR: dataDir(),
    KEYTURN_HTTP_PORT: '0',
    KEYTURN_ADMIN_PORT: '0',
    KEYTURN_KEYS_ALGORITHM: 'EdDSA',
  }
  authority = await startAuthority(env, [], AS_NOBODY)
  const client = JSON.parse(await readFile(join(dataDir(), 'bootstrap-client.json'), 'utf8'))
  credentials = Buffer.from(`${client.clientId}:${client.clientSecret}`).toString('base64')
})
afterAll(async () => {
  await stopAll()
  disk?.remove()
  await rm(place, { recursive: true, force: true })
})

interface Health {
  readonly status: string
  readonly generation: number
  readonly storeError?: string
  readonly lastFailure?: { readonly code: string }
}
const health = async () =>
  (await (await fetch(`${authority.ready.adminUrl}/health/details`)).json()) as Health

async function askForToken(): Promise<void> {
  const response = await fetch(`${authority.ready.url}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
    headers: { authorization: `Basic ${credentials}` },
  })
  const { access_token: token } = (await response.json()) as { access_token: string }
  expect([response.status, typeof token]).toEqual([200, 'string'])
  held.push(token)
}

/** Every token that is still to be good is, by the set as it is published now. */
async function expectAllTokensGood(): Promise<void> {
  const jwks = await (await fetch(`${authority.ready.url}/.well-known/jwks.json`)).json()
  const keySet = createLocalJWKSet(jwks as Parameters<typeof createLocalJWKSet>[0])
  const unexpired = held.filter((token) => (decodeJwt(token).exp ?? 0) * 1000 > Date.now() + 500)
  expect(unexpired.length).toBeGreaterThan(0)
  for (const token of unexpired) await jwtVerify(token, keySet)
}

const newest = async () =>
  (await readdir(keys()))
    .filter((it) => it.endsWith('.json'))
    .sort()
    .at(-1) ?? ''
async function flipBit(path: string): Promise<void> {
  const bytes = await readFile(path)
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 0x04
  await writeFile(path, bytes)
}
async function moveFiles(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true })
  for (const name of await readdir(from)) await rename(join(from, name), join(to, name))
}

describe.skipIf(!isMountable)('a running authority (R18)', () => {
  it.each<[string, string, () => Promise<void>, () => Promise<void>]>([
    ['a full disk', 'state_failed', () => disk.fill({ pages: 0 }), () => disk.empty()],
    ['a disk without inodes', 'store_failed', () => disk.fill({ pages: 9, inodes: 0 }), () => disk.empty()],
    [
      'a read-only file system',
      'store_failed',
      () => disk.setReadOnly(keys(), true),
      () => disk.setReadOnly(keys(), false),
    ],
    [
      'a volume that is not mounted any more',
      'ring_missing',
      async () => disk.unmount(keys()),
      () => disk.mountFolder('volume', keys()),
    ],
    [
      'ring files that are gone',
      'ring_missing',
      () => moveFiles(volume(), elsewhere()),
      () => moveFiles(elsewhere(), volume()),
    ],
    [
      'a folder that it may not write',
      'store_failed',
      () => chmod(keys(), 0o500),
      () => chmod(keys(), 0o700),
    ],
    ['a folder that it may not read', 'store_failed', () => chmod(keys(), 0), () => chmod(keys(), 0o700)],
    ['a folder that others can read', 'store_unsafe', () => chmod(keys(), 0o755), () => chmod(keys(), 0o700)],
    [
      'a folder of somebody else',
      'store_unsafe',
      () => chown(keys(), 0, 0),
      () => chown(keys(), NOBODY, NOBODY),
    ],
  ])('with %s signs, says so, and is well again once that is', async (_, code, fail, mend) => {
    await fail()
    try {
      await vi.waitFor(async () => {
        const { status, storeError, lastFailure } = await health()
        expect([status, storeError ?? lastFailure?.code]).toEqual(['degraded', code])
        await askForToken()
      }, SOON)
      await askForToken()
      await expectAllTokensGood()
    } finally {
      await mend()
    }
    const { generation } = await health()
    await vi.waitFor(async () => expect((await health()).status).toBe('ok'), SOON)
    await vi.waitFor(async () => expect((await health()).generation).toBeGreaterThan(generation), SOON)
    await askForToken()
    await expectAllTokensGood()
  })

  it.each<[string, (path: string) => Promise<void>]>([
    ['emptied', (path) => truncate(path, 0)],
    ['cut short', (path) => truncate(path, 300)],
    ['changed in a bit', flipBit],
  ])(
    'whose ring file was %s says so, signs, and has a whole one after the next rotation',
    async (_, damage) => {
      const before = authority.log().length
      await vi.waitFor(async () => {
        await damage(join(keys(), await newest()))
        await vi.waitFor(() => expect(authority.log().slice(before)).toContain('ring_corrupt'), {
          timeout: 500,
          interval: 20,
        })
      }, SOON)
      await askForToken()
      const { generation } = await health()
      await vi.waitFor(async () => expect((await health()).generation).toBeGreaterThan(generation), SOON)
      await vi.waitFor(async () => expect((await health()).status).toBe('ok'), SOON)
      await askForToken()
      await expectAllTokensGood()
    },
  )
})

describe.skipIf(!isMountable)('a save on a disk that is nearly full (R17, R18)', () => {
  const writer = fileURLToPath(new URL('./file-store/ring-writer.ts', import.meta.url))
  const folder = () => join(disk.path, 'alone')
  const write = (mode: string) =>
    execFileSync(process.execPath, [writer, mode, folder()], {
      ...AS_NOBODY,
      env: { RING_ALGORITHM: 'RS256' },
    })
      .toString()
      .trim()

  it.each([
    ['pages', (free: number) => ({ pages: free })],
    ['inodes', (free: number) => ({ pages: 20, inodes: free })],
  ])('fails as a whole until there are %s enough, and then succeeds', async (_, room) => {
    await stopAll()
    await disk.empty()
    await rm(folder(), { recursive: true, force: true })
    write('begin')
    const outcomes: string[] = []
    for (let free = 0; outcomes.at(-1) !== '2'; free++) {
      await disk.fill(room(free))
      outcomes.push(write('once'))
      const ring = await new FileKeyStore({ directory: folder() }).load()
      expect([free, ring?.generation]).toEqual([free, outcomes.at(-1) === '2' ? 2 : 1])
      expect((await readdir(folder())).filter((name) => name.endsWith('.tmp'))).toEqual([])
      await disk.empty()
    }
    expect(outcomes.length).toBeGreaterThan(2)
    expect(new Set(outcomes.slice(0, -1))).toEqual(new Set(['store_failed']))
  })
})
