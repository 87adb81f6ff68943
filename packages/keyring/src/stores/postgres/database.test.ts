import { unlinkSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codeOf, fakeClock } from '@keyturn/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ChangeListener } from './change-listener.ts'
import { PostgresDatabase } from './database.ts'

let folder: string
let ca: string
let server: Server
let url: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyturn-database-'))
  ca = join(folder, 'ca.pem')
  await writeFile(ca, 'a certificate')
  server = createServer((socket) => socket.on('error', () => {}).destroy())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  url = `postgres://keyturn:hidden-word@127.0.0.1:${port}/keyturn?sslmode=verify-full&sslrootcert=${ca}`
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await new Promise((resolve) => server.close(resolve))
  await rm(folder, { recursive: true })
})

describe('certificates that cannot be read while the authority runs (R20)', () => {
  it('fail the question, with a code and a remedy, also of those that wait for a connection', async () => {
    const database = new PostgresDatabase(url)
    const ask = () => database.query('read the ring', 'SELECT 1').catch((error: unknown) => error)
    // three are on their way, and the others are given a connection when those have failed
    const asked = Array.from({ length: 6 }, ask)
    unlinkSync(ca)
    const codes = (await Promise.all(asked)).map((error) => (error as { code: string }).code)
    expect(codes.toSorted()).toEqual([
      ...Array(3).fill('store_refused'),
      ...Array(3).fill('store_unreachable'),
    ])
    expect(await ask()).toMatchObject({
      code: 'store_refused',
      message: expect.stringContaining('ENOENT'),
      remedy: expect.stringContaining('sslrootcert'),
    })
    await writeFile(ca, 'a certificate')
    expect(await ask()).toMatchObject({ code: 'store_unreachable' })
    await database.close()
  })

  it('are tried again by who listens', async () => {
    const database = new PostgresDatabase(url)
    unlinkSync(ca)
    let made = 0
    const { advance, ...clock } = fakeClock()
    const listener = new ChangeListener({
      connect() {
        made += 1
        return database.listener()
      },
      clock,
      random: () => 0,
      onHint() {},
    })
    listener.start()
    for (let turn = 0; turn < 20 && made < 3; turn++) {
      await new Promise((resolve) => setImmediate(resolve))
      await advance(60_000)
    }
    expect(made).toBeGreaterThanOrEqual(3)
    listener.stop()
    await database.close()
  })

  it('stop a start, and are not called a wrong URL', async () => {
    unlinkSync(ca)
    expect(await codeOf((async () => new PostgresDatabase(url))())).toBe('store_refused')
  })
})

describe('a database that is to prove who it is (R20)', () => {
  const opened = (query: string) =>
    codeOf((async () => await new PostgresDatabase(`postgres://db.test/keyturn${query}`).close())())

  it.each([
    '?sslmode=verify-full',
    '?sslmode=require',
    '?ssl=true',
    '?uselibpqcompat=true&sslmode=verify-ca',
  ])('is not asked where the environment would let any certificate pass: %s', async (query) => {
    expect(await opened(`${query}&sslrootcert=${ca}`)).toBe('none')
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
    expect(await opened(`${query}&sslrootcert=${ca}`)).toBe('store_refused')
  })

  it.each(['', '?sslmode=disable', '?sslmode=no-verify'])('is none by its URL: "%s"', async (query) => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
    expect(await opened(query)).toBe('none')
  })
})
