import { execFileSync } from 'node:child_process'
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codeOf, fakeClock, keyStoreConformance } from '@keyturn/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { KeyManager } from '../manager.ts'
import { DEFAULT_POLICY } from '../timing.ts'
import { FileKeyStore } from './file-key-store.ts'
import { GENERATIONS_KEPT } from './key-store.ts'
import { MemoryKeyStore } from './memory-key-store.ts'
import type { RingSealer } from './ring-sealer.ts'

const policy = { ...DEFAULT_POLICY, algorithm: 'EdDSA' } as const
let place: string
let directory: string

beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'keyturn-store-'))
  directory = join(place, 'keys')
})
afterEach(() => rm(place, { recursive: true, force: true }))

const store = (options: object = {}) => new FileKeyStore({ directory, ...options })
async function initialized(): Promise<KeyManager> {
  const keys = await KeyManager.open({ store: store(), policy })
  await keys.close()
  return keys
}
const newest = async () => join(directory, (await readdir(directory)).sort().at(-1) ?? '')

describe('key store conformance (R14)', () => {
  for (const { name, needs, run } of keyStoreConformance) {
    it.skipIf(needs !== undefined)(`memory: ${name}`, async () => {
      const one = new MemoryKeyStore()
      await run({ open: () => one, pollMs: 1000, pass: async () => {}, looks: false })
    })
    it.skipIf(needs === 'hasClock')(`file: ${name}`, async () => {
      const clock = fakeClock()
      const spoil = async () => {
        await chmod(directory, 0o755)
        return () => chmod(directory, 0o700)
      }
      const putAway = async () => {
        await rename(directory, join(place, 'away'))
        return async () => {
          await rm(directory, { recursive: true })
          await rename(join(place, 'away'), directory)
        }
      }
      const open = () => store({ clock })
      await run({ open, pollMs: 1000, pass: clock.advance, looks: true, spoil, putAway })
    })
  }
})

describe('KeyManagerFilePersistence (R15, R63)', () => {
  it('keeps folder 0700 and file 0600 whatever the umask', async () => {
    const before = process.umask(0)
    try {
      await initialized()
    } finally {
      process.umask(before)
    }
    const modes = execFileSync('stat', ['-c', '%a', directory, await newest()])
      .toString()
      .split('\n')
    expect(modes.slice(0, 2)).toEqual(['700', '600'])
  })

  it('makes a folder that can be used under a umask that takes too much', async () => {
    const before = process.umask(0o177)
    try {
      await initialized()
    } finally {
      process.umask(before)
    }
    expect((await stat(directory)).mode & 0o777).toBe(0o700)
    await expect(store().load()).resolves.toBeDefined()
  })

  it('keeps the generation before and drops older ones', async () => {
    const keys = await initialized()
    let ring = keys.ring()
    for (let save = 0; save < 3; save++) {
      const next = { ...ring, generation: ring.generation + 1 }
      await store().save(next, ring.generation)
      ring = next
    }
    const kept = (await readdir(directory)).sort()
    expect(kept).toEqual(['ring.000000000003.json', 'ring.000000000004.json'])
    expect(kept).toHaveLength(GENERATIONS_KEPT)
  })

  it('refuses a writer that slept while its generation came and went', async () => {
    const slept = (await initialized()).ring()
    let ring = slept
    for (let save = 0; save < 4; save++) {
      const next = { ...ring, generation: ring.generation + 1 }
      await store().save(next, ring.generation)
      ring = next
    }
    expect(await codeOf(store().save({ ...slept, generation: 2 }, 1))).toBe('store_conflict')
    expect((await store().load())?.generation).toBe(5)
  })

  it('refuses a writer that slept until its temporary file was taken for an abandoned one', async () => {
    const sealerThat = (whileOpening = async () => {}): RingSealer => ({
      seal: async (plain) => Buffer.from(plain).toString('base64'),
      async open(sealed) {
        await whileOpening()
        return Buffer.from(sealed, 'base64')
      },
    })
    const keys = await KeyManager.open({ store: store({ sealer: sealerThat() }), policy })
    await keys.close()
    const next = { ...keys.ring(), generation: 2 }
    const other = store({ sealer: sealerThat(), clock: fakeClock(Date.now() + 3_600_000) })
    // what is there is opened once more when the temporary file has been written, and has no other name yet
    const sleeper = store({ sealer: sealerThat(() => other.save(next, 1)) })
    expect(await codeOf(sleeper.save(next, 1))).toBe('store_conflict')
    expect((await other.load())?.generation).toBe(2)
  })

  it('does not make a folder anew that was lost, so that what is there says so', async () => {
    const ring = (await initialized()).ring()
    await rm(directory, { recursive: true })
    expect(await codeOf(store().save({ ...ring, generation: 2 }, 1))).toBe('store_conflict')
    expect(await readdir(place)).toEqual([])
  })

  it('refuses a folder or a file that others can read', async () => {
    await initialized()
    await chmod(await newest(), 0o640)
    expect(await codeOf(store().load())).toBe('store_unsafe')
    await chmod(await newest(), 0o600)
    await chmod(directory, 0o755)
    expect(await codeOf(store().load())).toBe('store_unsafe')
  })

  it('refuses a folder or a file that is a symbolic link', async () => {
    await initialized()
    const file = await newest()
    await rename(file, join(place, 'elsewhere'))
    await symlink(join(place, 'elsewhere'), file)
    expect(await codeOf(store().load())).toBe('store_unsafe')
    await rm(file)
    await rename(join(place, 'elsewhere'), file)
    await rename(directory, join(place, 'real'))
    await symlink(join(place, 'real'), directory)
    expect(await codeOf(store().load())).toBe('store_unsafe')
    expect(await codeOf(store({ directory: `${directory}/` }).load())).toBe('store_unsafe')
  })

  it('says what failed when the disk does, and leaves the ring as it was', async () => {
    const keys = await initialized()
    await writeFile(join(place, 'occupied'), '')
    const lost = new FileKeyStore({ directory: join(place, 'occupied', 'keys') })
    expect(await codeOf(lost.save(keys.ring(), 0))).toBe('store_failed')
  })
})

describe('watching the files (R16, R18)', () => {
  async function watching() {
    await initialized()
    const clock = fakeClock()
    const watched = store({ clock })
    await watched.load()
    const next = () =>
      new Promise<string>((resolve) => {
        const stop = watched.watch({
          onChange: (ring) => done(`generation ${ring.generation}`),
          onHealthy: () => done('healthy'),
          onError: (error) => done((error as { code: string }).code),
        })
        const done = (what: string) => {
          stop()
          resolve(what)
        }
        void clock.advance(1000)
      })
    return { watched, next }
  }

  it('tells of a save by somebody else, and that nothing is new after that', async () => {
    const { next } = await watching()
    const ring = await store().load()
    if (ring !== undefined) await store().save({ ...ring, generation: 2 }, 1)
    expect([await next(), await next()]).toEqual(['generation 2', 'healthy'])
  })

  it('notices that the newest file was damaged where it lies', async () => {
    const { next } = await watching()
    const bytes = await readFile(await newest())
    bytes[200] = 1
    await writeFile(await newest(), bytes)
    expect(await next()).toBe('ring_corrupt')
  })

  it('notices that it is gone, or that others may read it, and that it is well again', async () => {
    const { next } = await watching()
    const file = await newest()
    await chmod(file, 0o644)
    expect(await next()).toBe('store_unsafe')
    await rename(file, join(place, 'elsewhere'))
    expect(await next()).toBe('ring_missing')
    await rename(join(place, 'elsewhere'), file)
    await chmod(file, 0o600)
    expect(await next()).toBe('healthy')
  })

  it('finds a ring whose save failed after it was published', async () => {
    const { watched, next } = await watching()
    const ring = await watched.load()
    await mkdir(join(directory, 'ring.000000000000.json'))
    if (ring !== undefined) {
      expect(await codeOf(watched.save({ ...ring, generation: 2 }, 1))).toBe('store_failed')
    }
    expect(await next()).toBe('generation 2')
  })
})

describe('KeyManagerLoadFromDisk (R16, R63)', () => {
  it('opens the same ring again', async () => {
    const keys = await initialized()
    const again = await KeyManager.open({ store: store(), policy })
    await again.close()
    expect(JSON.stringify(again.publicJwks())).toBe(JSON.stringify(keys.publicJwks()))
    expect(again.ring().generation).toBe(1)
  })

  it.each([
    ['cut short', (file: string) => truncate(file, 300)],
    ['empty', (file: string) => truncate(file, 0)],
    [
      'edited',
      async (file: string) => writeFile(file, (await readFile(file, 'utf8')).replace('"first"', '"First"')),
    ],
    ['renamed to another generation', (file: string) => rename(file, file.replace('1.json', '7.json'))],
  ])('refuses a ring file that is %s, and names the file', async (_, damage) => {
    await initialized()
    await damage(await newest())
    const error = await store()
      .load()
      .catch((caught) => caught)
    expect(error.code).toBe('ring_corrupt')
    expect(error.message).toContain(await newest())
    expect(error.remedy).toContain('keyturn keys restore FILE')
    expect(await codeOf(KeyManager.open({ store: store(), policy }))).toBe('ring_corrupt')
  })

  it.each([
    ['holds a private member', (jwk: object) => ({ ...jwk, d: 'AAAA' })],
    [
      'belongs to another kid',
      (jwk: object) => ({ ...jwk, x: '3QlnPkSs6m2wYdnfqBMGQHkQ0kDrlVzN6c5oVXWQmS8' }),
    ],
  ])('refuses a ring with a public half that %s, though the checksum is right', async (_, change) => {
    const ring = (await initialized()).ring()
    const keys = ring.keys.map((key) => ({
      ...key,
      publicJwk: change(key.publicJwk) as typeof key.publicJwk,
    }))
    await store().save({ ...ring, keys, generation: 2 }, 1)
    expect(await codeOf(store().load())).toBe('ring_corrupt')
  })

  it('refuses to begin anew where a ring is expected, unless told to', async () => {
    const expectsRing = true
    expect(await codeOf(KeyManager.open({ store: store({ expectsRing }), policy }))).toBe('ring_missing')
    const keys = await KeyManager.open({ store: store({ expectsRing, initialize: true }), policy })
    await keys.close()
    expect(keys.ring().generation).toBe(1)
  })

  it('misses a ring that it has seen, also where it was allowed to begin', async () => {
    const one = store({ initialize: true })
    await (await KeyManager.open({ store: one, policy })).close()
    await rm(directory, { recursive: true })
    expect(await codeOf(one.load())).toBe('ring_missing')
  })

  it('refuses to begin anew in a folder that holds something else', async () => {
    await mkdir(directory, { mode: 0o700 })
    await writeFile(join(directory, 'ring.000000000004.json.corrupt'), '')
    expect(await codeOf(KeyManager.open({ store: store(), policy }))).toBe('ring_missing')
  })

  it('creates nothing on an operator visit', async () => {
    const visit = KeyManager.open({ store: store(), policy, serving: false })
    await expect(visit).rejects.toMatchObject({
      code: 'ring_missing',
      message: expect.stringContaining(place),
    })
    expect(await readdir(place)).toEqual([])
  })
})
