import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { KEYTURN, keyturn } from '../end-to-end/processes.ts'
import { jsonOf, type RunningAuthority, runAuthority } from './running-authority.ts'

const RFC_3339 = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/

let authority: RunningAuthority
beforeEach(async () => {
  authority = await runAuthority()
})
afterEach(() => authority.close())

const privateKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const pemOf = (key: ReturnType<typeof privateKey>) => key.export({ type: 'pkcs8', format: 'pem' }) as string
const ask = (path: string, body?: unknown, headers: Record<string, string> = {}) =>
  fetch(`${authority.adminUrl}/v1/keys${path}`, {
    method: path === '' ? 'GET' : 'POST',
    headers: {
      authorization: authority.basic,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
const outcome = async (response: Response) => {
  const answer = await jsonOf(response)
  return { ...answer, status: response.status } as Record<string, unknown> & { status: number }
}
const keysNow = async () =>
  (await outcome(await ask(''))).keys as { kid: string; state: string; alg: string; activateAt: string }[]
const bearer = async (scope: string) => {
  const { access_token: token } = await jsonOf(
    await authority.askForToken(`grant_type=client_credentials&scope=${scope}`),
  )
  return `Bearer ${token}`
}

describe('keys that are administered over HTTP (R13)', () => {
  it('are listed, imported, rotated and revoked as by the command line', async () => {
    const [active, spare] = await keysNow()
    expect([active?.state, spare?.state]).toEqual(['active', 'next'])
    const imported = await ask('/import', { key: pemOf(privateKey()) })
    expect(imported.headers.get('cache-control')).toBe('no-store')
    const { kid, ...rest } = await outcome(imported)
    expect(rest).toEqual({
      status: 201,
      alg: 'ES256',
      activateAt: spare?.activateAt,
      replacedKid: spare?.kid,
    })
    expect((await keysNow()).map((key) => [key.kid, key.state])).toEqual([
      [active?.kid, 'active'],
      [kid, 'next'],
    ])
    expect(await outcome(await ask('/rotate'))).toMatchObject({
      status: 409,
      code: 'rotation_too_early',
      detail: expect.stringMatching(/wait until .*Z/),
    })
    expect(await outcome(await ask('/rotate', { queue: true }))).toMatchObject({
      status: 200,
      activeKid: kid,
    })
    expect(await outcome(await ask(`/${kid}/revoke`, { reason: 'test' }))).toMatchObject({
      status: 200,
      revokedKids: [kid],
      activeKid: active?.kid,
    })
    expect(await outcome(await ask(`/${kid}/revoke`, { reason: 'test' }))).toMatchObject({
      status: 409,
      code: 'key_already_revoked',
    })
    expect(await outcome(await ask('/none/revoke', { reason: 'test' }))).toMatchObject({ status: 404 })
    const fresh = await outcome(await ask(`/${active?.kid}/revoke`, { reason: 'leak', fresh: true }))
    expect(fresh.activeKid).not.toBe(active?.kid)
    expect((await authority.askForToken('grant_type=client_credentials')).status).toBe(200)
  })

  it('take a JWK, and a token of a client as well as its secret', async () => {
    const key = privateKey().export({ format: 'jwk' })
    const authorization = await bearer('keys:admin')
    expect(await outcome(await ask('/import', { key, algorithm: 'ES256' }, { authorization }))).toMatchObject(
      {
        status: 201,
        alg: 'ES256',
      },
    )
  })

  it('are changed in the name of the client that asks, and that alone, as the audit log says (R50)', async () => {
    await ask('/import', { key: pemOf(privateKey()) })
    const audit = await keyturn(['audit', 'list', '--json'], { KEYTURN_DATA_DIR: authority.dataDir })
    const { events } = JSON.parse(audit.stdout)
    expect(events[0].changes[0].activateAt).toMatch(RFC_3339)
    const writes = events.filter(({ kind }: { kind: string }) => kind === 'ring-write')
    const isImport = ({ changes }: { changes: readonly { origin?: string }[] }) =>
      changes.some(({ origin }) => origin === 'imported')
    for (const write of writes) {
      const client = isImport(write) ? { client: authority.clientId } : {}
      expect(write.actor).toEqual({ program: 'keyturn serve', uid: process.getuid?.(), ...client })
    }
    expect(writes.filter(isImport)).toHaveLength(1)
  })
})

describe('what administers no keys (R13, R70, R73, R75)', () => {
  it('is an order that contradicts itself', async () => {
    expect(await outcome(await ask('/rotate', { queue: true, force: true }))).toMatchObject({
      status: 400,
      detail: expect.stringContaining('not with queue'),
    })
  })

  it('is an authority whose state is gone: nothing could be written down', async () => {
    await rm(join(authority.dataDir, 'state.db'))
    const answer = await outcome(await ask('/rotate', { force: true }))
    expect([answer.status, answer.code]).toEqual([503, 'state_missing'])
  })

  it('is anybody without the scope', async () => {
    const [, spare] = await keysNow()
    const paths = ['', '/rotate', '/import', `/${spare?.kid}/revoke`]
    const refused = async (authorization: string) =>
      await Promise.all(
        paths.map(async (path) => (await ask(path, path === '' ? undefined : {}, { authorization })).status),
      )
    expect(await refused('')).toEqual([401, 401, 401, 401])
    expect(await refused(await bearer('tokens:issue'))).toEqual([401, 401, 401, 401])
    const created = await keyturn(['clients', 'create', 'x', '--scope', 'tokens:issue', '--json'], {
      KEYTURN_DATA_DIR: authority.dataDir,
    })
    const { clientId, clientSecret } = JSON.parse(created.stdout)
    const basic = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
    expect(await refused(basic)).toEqual([403, 403, 403, 403])
    expect((await keysNow()).at(-1)?.kid).toBe(spare?.kid)
  })

  it('is a page of another origin, though a browser had the credentials', async () => {
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:1'])
      expect(await outcome(await ask('/rotate', {}, { origin }))).toMatchObject({
        status: 403,
        code: 'origin_refused',
      })
    const origin = authority.adminUrl
    expect((await ask('/rotate', {}, { origin })).status).toBe(200)
  })

  it('is a key that is unfit, of which nothing is repeated or logged', async () => {
    const pem = pemOf(privateKey())
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey
    const { keys } = await jsonOf(await fetch(`${authority.url}/.well-known/jwks.json`))
    for (const [body, status, code] of [
      [{}, 400, 'request_invalid'],
      [{ key: 5 }, 400, 'request_invalid'],
      [{ key: pem, alg: 'ES256' }, 400, 'request_invalid'],
      [{ key: pem, algorithm: 'none' }, 400, 'request_invalid'],
      [{ key: pem, algorithm: 'ES384' }, 400, 'algorithm_mismatch'],
      [{ key: 'hello' }, 400, 'key_malformed'],
      [{ key: (keys as unknown[])[0] }, 400, 'key_not_private'],
      [{ key: pemOf(weak), algorithm: 'RS256' }, 400, 'key_weak'],
      [`{"key":"a","key":${JSON.stringify(pem)}}`, 400, 'request_malformed'],
      [{ key: pem.padEnd(20_000) }, 413, 'body_too_large'],
    ] as const) {
      const { detail, ...problem } = await outcome(await ask('/import', body))
      expect(problem).toMatchObject({ status, code })
      expect(detail).toMatch(/expected/)
    }
    const before = await keysNow()
    expect((await ask('/import', { key: pem })).status).toBe(201)
    expect(await outcome(await ask('/import', { key: pem }))).toMatchObject({
      status: 409,
      code: 'key_known',
    })
    expect(await keysNow()).not.toEqual(before)
    for (const line of pem.split('\n').filter((one) => one.length > 20)) {
      expect(authority.log()).not.toContain(line)
    }
  })
})

describe('clients of an authority that runs (R47, R73)', () => {
  const command = async (...args: string[]) => {
    const { stdout } = await keyturn([...args, '--json'], { KEYTURN_DATA_DIR: authority.dataDir })
    return JSON.parse(stdout)
  }
  const basic = ({ clientId, clientSecret }: { clientId: string; clientSecret: string }) =>
    `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
  const GRANT = 'grant_type=client_credentials&scope=keys:admin'

  it.each(['/dev/full', '/dev/null'])(
    'keep the secret that they have where %s takes the next one',
    async (device) => {
      const created = await command('clients', 'create', 'ops', '--scope', 'keys:admin')
      const output = await open(device, 'w')
      const { status, stderr } = spawnSync(
        process.execPath,
        [KEYTURN, 'clients', 'rotate-secret', created.clientId],
        { stdio: ['ignore', output.fd, 'pipe'], env: { KEYTURN_DATA_DIR: authority.dataDir } },
      )
      await output.close()
      expect([status, String(stderr)]).toEqual([1, expect.stringContaining('secret_not_shown')])
      expect((await authority.askForToken(GRANT, { authorization: basic(created) })).status).toBe(200)
    },
  )

  it('lose their secret, and then everything, at once', async () => {
    const created = await command('clients', 'create', 'ops', '--scope', 'keys:admin')
    const { clientId } = created
    const statusOf = async (authorization: string) =>
      (await authority.askForToken(GRANT, { authorization })).status
    const rotated = await command('clients', 'rotate-secret', clientId)
    expect([await statusOf(basic(created)), await statusOf(basic(rotated))]).toEqual([401, 200])
    const { access_token: token } = await jsonOf(
      await authority.askForToken(GRANT, { authorization: basic(rotated) }),
    )
    const authorization = `Bearer ${token}`
    expect((await ask('', undefined, { authorization })).status).toBe(200)
    expect(await command('clients', 'delete', clientId)).toEqual({ clientId })
    expect(await statusOf(basic(rotated))).toBe(401)
    expect((await ask('', undefined, { authorization })).status).toBe(401)
    const { events } = await command('audit', 'list')
    const changes = events.filter(
      ({ client }: { client?: { clientId: string } }) => client?.clientId === clientId,
    )
    expect(changes.map(({ kind, actor }: { kind: string; actor: object }) => [kind, actor])).toEqual([
      ['client-created', expect.objectContaining({ program: 'keyturn clients create' })],
      ['client-secret-replaced', expect.objectContaining({ program: 'keyturn clients rotate-secret' })],
      ['client-deleted', expect.objectContaining({ program: 'keyturn clients delete' })],
    ])
    for (const { clientSecret } of [created, rotated])
      expect(JSON.stringify(events)).not.toContain(clientSecret)
    const { code, stderr } = await keyturn(['clients', 'delete', clientId], {
      KEYTURN_DATA_DIR: authority.dataDir,
    })
    expect([code, stderr]).toEqual([1, expect.stringContaining('client_not_found')])
  })
})
