import { chmod, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findFlaw } from '../audit/audit-chain.ts'
import type { RegisteredClient } from './client-store.ts'
import { SqliteState } from './sqlite-state.ts'
import { stateFileOf } from './state-file.ts'

let dataDir: string
const opened: SqliteState[] = []
beforeEach(async () => {
  dataDir = join(await mkdtemp(join(tmpdir(), 'keyturn-state-')), 'data')
})
afterEach(async () => {
  for (const state of opened.splice(0)) await state.close()
  await rm(join(dataDir, '..'), { recursive: true, force: true })
})

async function open(mayCreate = true): Promise<SqliteState> {
  const state = await SqliteState.open({ dataDir, mayCreate })
  opened.push(state)
  return state
}
const client = (clientId: string): RegisteredClient => ({
  clientId,
  name: 'n',
  scopes: ['a', 'b'],
  createdAt: 5,
  secretHash: new Uint8Array(32).fill(7),
})
const codeOf = (action: Promise<unknown>) =>
  action.then(
    () => 'none',
    (error) => error.code,
  )

describe('the state of an authority (R49)', () => {
  it('gives back what was added, also to another process and after a restart', async () => {
    const state = await open()
    await state.add(client('c1'))
    const other = await open(false)
    expect(await other.find('c1')).toEqual(client('c1'))
    await other.add(client('c2'))
    expect((await state.list()).map(({ clientId }) => clientId)).toEqual(['c1', 'c2'])
    expect(await state.find('c3')).toBeUndefined()
  })

  it('keeps the secret hash out of lists', async () => {
    const state = await open()
    await state.add(client('c1'))
    expect(await state.list()).toEqual([{ clientId: 'c1', name: 'n', scopes: ['a', 'b'], createdAt: 5 }])
  })

  it('refuses a second client of one id, and goes on', async () => {
    const state = await open()
    await state.add(client('c1'))
    expect(await codeOf(state.add(client('c1')))).toBe('state_failed')
    expect(await state.list()).toHaveLength(1)
  })

  it('makes its files readable for its owner only, whatever the umask', async () => {
    const before = process.umask(0)
    await open().finally(() => process.umask(before))
    expect((await stat(dataDir)).mode & 0o777).toBe(0o700)
    for (const name of await readdir(dataDir))
      expect((await stat(join(dataDir, name))).mode & 0o777).toBe(0o600)
  })

  it('creates nothing where it may not', async () => {
    expect(await codeOf(open(false))).toBe('state_missing')
    expect(await readdir(join(dataDir, '..'))).toEqual([])
  })

  it('refuses a file that others can read, that is no database, or that a later version wrote', async () => {
    const path = stateFileOf(dataDir)
    const state = await open()
    await state.close()
    await chmod(path, 0o640)
    expect(await codeOf(open(false))).toBe('store_unsafe')
    await chmod(path, 0o600)
    const database = new DatabaseSync(path)
    database.exec('PRAGMA user_version = 99')
    database.close()
    expect(await codeOf(open(false))).toBe('state_newer')
    await writeFile(path, '')
    expect(await codeOf(open(false))).toBe('state_corrupt')
    await writeFile(path, 'x'.repeat(4096))
    expect(await codeOf(open(false))).toBe('state_corrupt')
  })

  it('is not read where another file is in its place, and is while the file is away (R73)', async () => {
    const state = await open()
    await state.add(client('c1'))
    const path = stateFileOf(dataDir)
    await rename(path, `${path}.away`)
    expect(await state.find('c1')).toEqual(client('c1'))
    await writeFile(path, '', { mode: 0o600 })
    expect(await codeOf(state.find('c1'))).toBe('state_replaced')
    expect(await codeOf(state.list())).toBe('state_replaced')
    await rename(`${path}.away`, path)
    expect(await state.find('c1')).toEqual(client('c1'))
  })

  it('answers with an error, not with silence, once it is closed', async () => {
    const state = await open()
    await state.close()
    expect(await codeOf(state.list())).toBe('state_failed')
  })
})

describe('the audit log of an authority (R50)', () => {
  it('is one chain, whoever writes it, at the same time', async () => {
    const [one, other] = [await open(), await open(false)]
    const events = Array.from({ length: 40 }, (_, at) => ({ kind: 'tested', at }))
    const heads = await Promise.all(events.map((event, i) => (i % 2 === 0 ? one : other).append(event)))
    const lines = await one.lines()
    expect(lines.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1))
    expect(findFlaw(lines, heads)).toBeUndefined()
    expect(lines.map(({ body }) => JSON.parse(body)).sort((a, b) => a.at - b.at)).toEqual(events)
  })

  it('takes nothing back', async () => {
    const state = await open()
    await state.append({ kind: 'tested', at: 1 })
    const database = new DatabaseSync(stateFileOf(dataDir))
    expect(() => database.exec('DELETE FROM audit')).toThrow('only grows')
    expect(() => database.exec("UPDATE audit SET body = ''")).toThrow('only grows')
    database.close()
    expect(await state.lines()).toHaveLength(1)
  })
})
