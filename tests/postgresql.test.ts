import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createVerifier } from '@keyturn/verifier'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type DocumentPage, readPage, root, shell } from './document.ts'
import { type AuthorityReady, type Running, startAuthority, stopAll } from './end-to-end/processes.ts'
import { PASSWORD, PostgresServer, query } from './postgres/postgres-server.ts'

/** Follows docs/postgresql.md word for word, and looks at what replicas do meanwhile. */

const ISSUER = 'http://auth.test'
/** What the npm package lacks: enough of psql for `psql URL -c STATEMENT`. */
const PSQL = `#!/usr/bin/env node
const { Client } = require(${JSON.stringify(join(root, 'node_modules/pg'))})
const [url, , statement] = process.argv.slice(2)
const client = new Client({ connectionString: url })
client.connect().then(() => client.query(statement)).then(() => client.end())
`

let page: DocumentPage
let server: PostgresServer
let folder: string
let path: string

beforeAll(async () => {
  page = await readPage('docs/postgresql.md')
  server = await PostgresServer.start()
})
afterAll(() => server.remove())
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyturn-postgresql-'))
  await mkdir(join(folder, 'bin'))
  await writeFile(join(folder, 'bin/psql'), PSQL)
  await chmod(join(folder, 'bin/psql'), 0o755)
  path = `${join(folder, 'bin')}:${join(root, 'node_modules/.bin')}:${process.env.PATH}`
})
afterEach(async () => {
  await stopAll()
  await rm(folder, { recursive: true, force: true })
})

const plain = (name: string) => ({
  KEYTURN_ISSUER: ISSUER,
  KEYTURN_DATA_DIR: join(folder, name),
  KEYTURN_HTTP_PORT: '0',
  KEYTURN_ADMIN_PORT: '0',
  KEYTURN_KEYS_ALGORITHM: 'ES256',
})
/** The settings of a replica with a data folder of its own, on a database that is empty at first. */
async function replicas(more: Record<string, string> = {}) {
  const url = await server.createDatabase()
  return (name: string) => ({
    ...plain(name),
    KEYTURN_STORE: 'postgres',
    KEYTURN_DATABASE_URL: url,
    KEYTURN_STORE_POLL: '200ms',
    ...more,
  })
}
const run = (script: string, env: Record<string, string>) => shell(script, { ...env, PATH: path }, folder)
const refusal = (action: Promise<unknown>) =>
  action.then(
    () => 'none',
    ({ stderr }: { stderr: string }) => /^keyturn: (\w+):/m.exec(stderr)?.[1],
  )
async function jwksOf({ ready }: Running<AuthorityReady>): Promise<string> {
  return await (await fetch(`${ready.url}/.well-known/jwks.json`)).text()
}
async function askForToken({ ready }: Running<AuthorityReady>, dataDir: string): Promise<Response> {
  const { clientId, clientSecret } = JSON.parse(
    await readFile(join(dataDir, 'bootstrap-client.json'), 'utf8'),
  )
  return await fetch(`${ready.url}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
    headers: { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}` },
  })
}
async function tokenOf(running: Running<AuthorityReady>, dataDir: string): Promise<string> {
  const answer = await (await askForToken(running, dataDir)).json()
  return (answer as { access_token: string }).access_token
}
const kidsOf = async (env: Record<string, string>): Promise<string[]> =>
  JSON.parse((await run('keyturn keys list --json', env)).stdout).keys.map(({ kid }: { kid: string }) => kid)

describe('the keys in PostgreSQL as documented (R20)', () => {
  it('are made by the first replica, shared by the second, and worked on by commands', async () => {
    const admin = new URL(server.urlOf('postgres'))
    await run(page.block('create'), { admin_url: admin.href })
    await run(page.block('configure'), { database_host: admin.host })
    const lines = page.block('serve').trim().split('\n')
    expect(lines.at(-1)).toBe('keyturn serve')
    const given = lines.slice(0, -1).map((line) => line.replace('export ', '').split('='))
    const settings = Object.fromEntries(
      given.map(([name, value = '']) => [
        name,
        value.includes('-') || value === 'kek' ? join(folder, value) : value,
      ]),
    )
    const [one, two] = ['one', 'two'].map((name) => ({ ...plain(name), ...settings }))
    if (one === undefined || two === undefined) throw new Error('unreachable')
    const running = [await startAuthority(one), await startAuthority(two)] as const
    expect(await jwksOf(running[1])).toBe(await jwksOf(running[0]))
    const before = await kidsOf(one)
    await run(page.block('keys'), one)
    await vi.waitFor(
      async () => {
        expect(JSON.parse(await jwksOf(running[1])).keys).toHaveLength(3)
        expect(await jwksOf(running[1])).toBe(await jwksOf(running[0]))
      },
      { timeout: 20_000 },
    )
    expect((await kidsOf(two)).slice(0, 2)).toEqual(before)
    for (const it of running) expect(await it.stop()).toBe(0)

    await run(page.block('drop'), one)
    expect(await refusal(run('keyturn serve', one))).toBe('ring_missing')
    await run(page.block('restore'), one)
    expect(await kidsOf(two)).toEqual(await kidsOf(one))
    const again = await startAuthority(two)
    expect((await askForToken(again, join(folder, 'two'))).status).toBe(200)
    const logs = [...running, again].map((it) => it.log()).join('')
    expect(logs).not.toContain('open-sesame')
    expect((await run('keyturn audit verify', one)).stdout).toContain('whole')
    const [row] = await query(new URL('/authority', admin).href, 'SELECT body FROM keyturn_rings LIMIT 1')
    expect(String(row?.body)).not.toContain('"privateKey"')
  })

  it('come out of files, and what they signed stays good', async () => {
    const before = plain('data')
    const onFiles = await startAuthority(before)
    const token = await tokenOf(onFiles, join(folder, 'data'))
    await onFiles.stop()
    const replica = (await replicas())('data')
    expect(await refusal(run('keyturn serve', replica))).toBe('ring_missing')
    await run(page.block('export'), before)
    await run(page.block('import'), replica)
    const moved = await startAuthority(replica)
    const jwksUrl = `${moved.ready.url}/.well-known/jwks.json`
    const verifier = createVerifier({ issuer: ISSUER, audience: ISSUER, jwksUrl, algorithms: ['ES256'] })
    await verifier.ready()
    for (const one of [token, await tokenOf(moved, join(folder, 'data'))]) await verifier.verify(one)
    verifier.close()
  })
})

describe('a replica without its database (R20, R51, R52)', () => {
  it('issues tokens until it knows too little, serves keys all the time, and goes on by itself', async () => {
    const env = (await replicas({ KEYTURN_STORE_MAX_STALENESS: '2s' }))('data')
    const authority = await startAuthority(env)
    const ask = () => askForToken(authority, join(folder, 'data'))
    const jwks = await jwksOf(authority)
    await server.kill()
    try {
      expect((await ask()).status).toBe(200)
      await vi.waitFor(async () => expect((await ask()).status).toBe(503), { timeout: 20_000 })
      const refused = await ask()
      expect(refused.headers.get('retry-after')).toBe('5')
      expect(await refused.json()).toMatchObject({ error: 'temporarily_unavailable' })
      expect(await jwksOf(authority)).toBe(jwks)
      expect((await fetch(`${authority.ready.url}/readyz`)).status).toBe(200)
      const health = await (await fetch(`${authority.ready.adminUrl}/health/details`)).json()
      expect(health).toMatchObject({ status: 'degraded', storeError: 'store_unreachable' })
      const metrics = await (await fetch(`${authority.ready.adminUrl}/metrics`)).text()
      expect(Number(/^keyturn_ring_snapshot_age_seconds (\S+)$/m.exec(metrics)?.[1])).toBeGreaterThan(2)
      expect(metrics).toMatch(/^keyturn_ring_integrity 0$/m)
      expect(await refusal(run('keyturn keys list', env))).toBe('store_unreachable')
      expect(authority.log()).not.toContain(PASSWORD)
    } finally {
      await server.restart()
    }
    await vi.waitFor(async () => expect((await ask()).status).toBe(200), { timeout: 20_000 })
  })

  it('is told by each refusal of a way that is one: no start sends on to itself (R16)', async () => {
    const remedy = async (line: string, env: Record<string, string>) =>
      await run(line, env).then(
        () => 'none',
        ({ stderr }: { stderr: string }) => /^keyturn: ring_missing: .+ - (.+)$/m.exec(stderr)?.[1],
      )
    const UNSERVED =
      'name the data folder or the database of the authority; or start the authority once: keyturn serve'
    const env = (await replicas())('data')
    expect(await remedy('keyturn keys list', env)).toBe(UNSERVED)
    await (await startAuthority(env)).stop()
    const elsewhere = { ...env, KEYTURN_DATABASE_URL: await server.createDatabase() }
    expect(await remedy('keyturn keys list', elsewhere)).toBe(UNSERVED)
    const refused = await remedy('keyturn serve', elsewhere)
    expect(refused).toMatch(/^name the right database, .*keyturn keys restore FILE; .*keyturn serve --init$/)
    await (await startAuthority(elsewhere, ['--init'])).stop()
  })

  it('does not begin anew in another database, nor does one that is new to a database that lost its ring (R16)', async () => {
    const env = await replicas()
    await (await startAuthority(env('one'))).stop()
    const elsewhere = { ...env('one'), KEYTURN_DATABASE_URL: await server.createDatabase() }
    expect(await refusal(run('keyturn serve', elsewhere))).toBe('ring_missing')
    await query(env('one').KEYTURN_DATABASE_URL, 'TRUNCATE keyturn_rings')
    expect(await refusal(run('keyturn serve', env('two')))).toBe('ring_missing')
    const begun = await startAuthority(env('two'), ['--init'])
    expect(JSON.parse(await jwksOf(begun)).keys).toHaveLength(2)
    expect(await refusal(run('keyturn serve', env('one')))).toBe('installation_mixed')
  })
})
