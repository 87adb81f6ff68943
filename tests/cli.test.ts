import { spawnSync } from 'node:child_process'
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { shell } from './document.ts'
import { freePort, KEYTURN, keyturn, startAuthority, stopAll } from './end-to-end/processes.ts'

let folder: string
let env: Record<string, string>
const run = (line: string, more: Record<string, string> = {}) => keyturn(line.split(' '), { ...env, ...more })

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyturn-cli-'))
  env = {
    KEYTURN_DATA_DIR: join(folder, 'data'),
    KEYTURN_HTTP_PORT: String(await freePort()),
    KEYTURN_ADMIN_PORT: '0',
    KEYTURN_KEYS_ALGORITHM: 'ES256',
  }
})
afterAll(async () => {
  await stopAll()
  await rm(folder, { recursive: true, force: true })
})

describe('the command line before there is anything (R16, R57)', () => {
  it.each([
    'keys list',
    'keys rotate',
    'keys revoke K --reason r',
    'clients list',
    'clients create x',
    'clients delete x',
    'clients rotate-secret x',
  ])('%s says that there is nothing yet, and makes nothing', async (line) => {
    const { code, stderr, stdout } = await run(line)
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^keyturn: (ring|state)_missing: .* - .*start the authority once/)
    expect(stderr).toContain(join(folder, 'data'))
    expect(await readdir(folder)).toEqual([])
  })
})

describe('the command line on a Node that is too old (R57, R67)', () => {
  const versions = '{ value: { ...process.versions, node: "20.19.0" } }'
  const old = `--import=data:text/javascript,${encodeURIComponent(`Object.defineProperty(process, 'versions', ${versions})`)}`

  it('says so and what to do, also as JSON', async () => {
    const talk = await run('--version', { NODE_OPTIONS: old })
    expect([talk.code, talk.stdout]).toEqual([1, ''])
    expect(talk.stderr).toMatch(
      /^keyturn: node_too_old: expected Node.js 24 or newer, this is 20.19.0 - install a .*\n$/,
    )
    const json = await run('keys list --json', { NODE_OPTIONS: old })
    expect(JSON.parse(json.stderr)).toMatchObject({
      error: { code: 'node_too_old', remedy: expect.any(String) },
    })
  })
})

describe('a command line of which a part is missing (R57)', () => {
  it.each([
    ['in a checkout', ['bin', 'src'], /^keyturn: not_built: .* - run: npm run build\n$/],
    ['in a package', ['bin'], /^keyturn: package_incomplete: .* - install the package again, .*\n$/],
  ])('says %s what to do', async (_, folders, expected) => {
    const place = await mkdtemp(join(tmpdir(), 'keyturn-part-'))
    for (const name of folders) await mkdir(join(place, name))
    const bin = join(place, 'bin/keyturn.mjs')
    await copyFile(KEYTURN, bin)
    const { status, stdout, stderr } = spawnSync(process.execPath, [bin, '--version'], { encoding: 'utf8' })
    expect([status, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(expected)
    await rm(place, { recursive: true })
  })
})

describe('the first client (R16, R73)', () => {
  it('is not made while its secret has nowhere to go, and is at the next start', async () => {
    const data = join(folder, 'unwritable')
    const elsewhere = {
      ...env,
      KEYTURN_DATA_DIR: data,
      KEYTURN_HTTP_PORT: '0',
      KEYTURN_ISSUER: 'http://a.test',
    }
    await mkdir(join(data, 'bootstrap-client.json'), { recursive: true, mode: 0o700 })
    const { code, stdout, stderr } = await keyturn(['serve', '--json'], elsewhere)
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr.trim().split('\n').at(-1)).toMatch(/bootstrap_failed.*check that the disk has space/)
    await rm(join(data, 'bootstrap-client.json'), { recursive: true })
    const authority = await startAuthority(elsewhere)
    const { clientId } = JSON.parse(await readFile(join(data, 'bootstrap-client.json'), 'utf8'))
    const { stdout: listed } = await keyturn(['clients', 'list', '--json'], elsewhere)
    expect(JSON.parse(listed).clients.map((client: { clientId: string }) => client.clientId)).toEqual([
      clientId,
    ])
    expect((await readdir(data)).filter((name) => name.endsWith('.tmp'))).toEqual([])
    await authority.stop()
    await rm(data, { recursive: true })
  })
})

describe('the command line with the authority up and down (R13, R57)', () => {
  it('looks at the same ring and the same clients', async () => {
    const authority = await startAuthority(env)
    const up = JSON.parse((await run('keys list --json')).stdout)
    expect(up.keys.map(({ state }: { state: string }) => state)).toEqual(['active', 'next'])
    const created = JSON.parse((await run('clients create orders --scope a --scope b --json')).stdout)
    expect(Object.keys(created)).toEqual(['clientId', 'clientSecret'])
    const bootstrap = JSON.parse(await readFile(join(folder, 'data/bootstrap-client.json'), 'utf8'))
    expect(await authority.stop()).toBe(0)

    const down = JSON.parse((await run('keys list --json')).stdout)
    expect(down).toEqual(up)
    expect(Object.keys(down.keys[0])).toEqual(
      'kid alg state createdAt publishedAt activateAt signUntil publishUntil maxTtlSeconds revokedAt revokedReason'.split(
        ' ',
      ),
    )
    const { clients } = JSON.parse((await run('clients list --json')).stdout)
    expect(clients.map(({ clientId }: { clientId: string }) => clientId)).toEqual([
      bootstrap.clientId,
      created.clientId,
    ])
    expect(clients[1]).toMatchObject({ name: 'orders', scopes: ['a', 'b'] })
    expect(JSON.stringify(clients)).not.toContain(created.clientSecret)
  })

  it.each([
    ['a scope with a quote', ['n', '--scope', 'a"b']],
    ['a scope with a backslash', ['n', '--scope', 'a\\b']],
    ['a scope beyond ASCII', ['n', '--scope', 'ä']],
    ['a scope with a control character', ['n', '--scope', 'a\x1b']],
    ['an empty scope', ['n', '--scope', '']],
    ['two spaces between scopes', ['n', '--scope', 'a  b']],
    ['an empty name', ['']],
    ['a name with a control character', ['a\x1b[2J']],
    ['a name without end', ['a'.repeat(101)]],
  ])('makes no client with %s', async (_, args) => {
    const { code, stdout, stderr } = await keyturn(['clients', 'create', ...args], env)
    expect([code, stdout, stderr]).toEqual([
      2,
      '',
      expect.stringMatching(/^keyturn: client_invalid: expected /),
    ])
  })

  it.each(['-', '--', '-x', '_'])('takes a kid that begins with %s for a kid', async (beginning) => {
    const kid = beginning.padEnd(43, 'A')
    for (const line of [`keys revoke ${kid} --reason r --json`, `keys revoke --reason r --json ${kid}`]) {
      const { code, stderr } = await run(line)
      expect([code, JSON.parse(stderr).error.code]).toEqual([1, 'key_not_found'])
    }
  })

  it.each(['verify', 'inspect'])('tells no token from a bad one: token %s', async (verb) => {
    const settings = { KEYTURN_ISSUER: 'http://127.0.0.1:9', KEYTURN_AUDIENCE: 'orders' }
    const outcome = shell(`printf '\\n' | keyturn token ${verb} -`, settings)
    await expect(outcome).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^keyturn: token_missing: /),
    })
  })

  it('verifies and inspects tokens', async () => {
    const authority = await startAuthority(env)
    const { clientId, clientSecret } = JSON.parse((await run('clients create t --json')).stdout)
    const response = await fetch(`${authority.ready.url}/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: clientSecret,
      }),
    })
    const { access_token: token } = (await response.json()) as { access_token: string }
    const { issuer } = authority.ready
    const verify = `token verify --json --issuer ${issuer} --audience ${issuer}`
    expect(JSON.parse((await run(`${verify} ${token}`)).stdout)).toMatchObject({
      valid: true,
      claims: { sub: clientId },
    })
    const inspected = await run(`token inspect --json ${token}`)
    expect(JSON.parse(inspected.stdout)).toMatchObject({ verified: false, payload: { sub: clientId } })
    expect(inspected.stderr).toContain('not verified')

    const forged = await run(`${verify} ${token.slice(0, -4)}AAAA`)
    expect([forged.code, forged.stdout, JSON.parse(forged.stderr).error.code]).toEqual([
      3,
      '',
      'signature_invalid',
    ])
    const other = await run(
      `token verify --issuer ${issuer} --audience other --jwks ${issuer}/.well-known/jwks.json ${token}`,
    )
    const expected =
      /audience_mismatch: .* - that is other; to see what the token says: keyturn token inspect -/
    expect([other.code, other.stderr]).toEqual([3, expect.stringMatching(expected)])
    const rotated = JSON.parse((await run('keys rotate --wait --json')).stdout)
    expect(Object.keys(rotated)).toEqual(['activeKid', 'previousKid', 'nextKid', 'activateAt'])
    expect(Date.parse(rotated.activateAt)).toBeLessThanOrEqual(Date.now())
    expect((await run(`${verify} ${token}`)).code).toBe(0)
    const early = await run('keys rotate --json')
    expect([early.code, JSON.parse(early.stderr).error]).toMatchObject([
      1,
      { code: 'rotation_too_early', remedy: expect.stringContaining('--queue') },
    ])
    await authority.stop()

    const unreachable = await run(`${verify} ${token}`)
    expect([unreachable.code, JSON.parse(unreachable.stderr).error.code]).toEqual([4, 'keys_unavailable'])
  })

  it('revokes, names every key that went, and shows when and why (R13)', async () => {
    const kids = async () => JSON.parse((await run('keys list --json')).stdout).keys
    const revoke = (kid: string, ...more: string[]) => keyturn(['keys', 'revoke', kid, ...more], env)
    expect((await run('keys list')).stdout).not.toContain('REASON')
    const [retired, active, next] = await kids()
    const one = JSON.parse((await revoke(active.kid, '--reason', 'laptop\nlost', '--json')).stdout)
    expect(one).toMatchObject({ revokedKid: active.kid, revokedKids: [active.kid], activeKid: next.kid })
    const revoked = (await kids())[1]
    expect(revoked).toMatchObject({ kid: active.kid, state: 'revoked', revokedReason: 'laptop\nlost' })
    expect(Date.parse(revoked.revokedAt)).toBeLessThanOrEqual(Date.now())
    expect((await run('keys list')).stdout).toMatch(/REVOKED AT +REASON\n.* {2}laptop\\nlost\n/s)

    const again = await revoke(active.kid, '--reason', 'and the rest', '--fresh')
    expect([again.code, again.stderr]).toEqual([
      1,
      expect.stringMatching(/^keyturn: key_already_revoked: .*name a key that is in use/),
    ])
    const all = await revoke(next.kid, '--reason', 'and the rest', '--fresh')
    const [head, ...others] = all.stdout.trim().split('\n')
    expect([head, others.length]).toEqual([`${next.kid} is revoked`, 2])
    expect(others[0]).toBe(`${retired.kid} is revoked`)
  })
})

describe('a store that cannot be trusted (R15, R16, R18)', () => {
  it('stops the start with the name of the file and the remedy, and changes nothing', async () => {
    const keys = join(folder, 'data/keys')
    const [last = ''] = (await readdir(keys)).sort().reverse()
    const whole = await readFile(join(keys, last))
    await writeFile(join(keys, last), whole.subarray(0, -10))
    for (const line of ['serve', 'keys list', 'keys rotate']) {
      const { code, stderr } = await run(line)
      expect([line, code, stderr]).toEqual([line, 1, expect.stringContaining('ring_corrupt')])
      expect(stderr).toContain(join(keys, last))
      expect(stderr).toContain('keyturn keys restore FILE')
    }
    await writeFile(join(keys, last), whole)
    await chmod(join(keys, last), 0o644)
    expect((await run('serve')).stderr).toMatch(/store_unsafe: .* - chmod 0600/)
    await chmod(join(keys, last), 0o600)
    expect((await run('keys list')).code).toBe(0)
  })

  it('never begins anew beside what is left of an installation', async () => {
    const data = join(folder, 'data')
    const kept = await readFile(join(data, 'state.db'))
    await rm(join(data, 'keys'), { recursive: true })
    expect((await run('serve')).stderr).toMatch(/ring_missing: .*serve --init/)
    expect(await readdir(data)).not.toContain('keys')
    expect(await readFile(join(data, 'state.db'))).toEqual(kept)
    const authority = await startAuthority(env, ['--init'])
    expect(JSON.parse((await run('keys list --json')).stdout).generation).toBe(1)
    await authority.stop()
  })

  it('says that a ring in memory is out of reach, and what to do instead', async () => {
    const { code, stderr } = await run('keys list', { KEYTURN_STORE: 'memory' })
    expect([code, stderr]).toEqual([1, expect.stringMatching(/store_not_shared: .* - .*KEYTURN_STORE=file/)])
  })
})

describe('a rotation that is waited for (R13, R57)', () => {
  it('says until when, and prints nothing else but data', async () => {
    const own = {
      ...env,
      KEYTURN_DATA_DIR: join(folder, 'soon'),
      KEYTURN_JWKS_MAX_AGE: '0s',
      KEYTURN_JWKS_STALE_WHILE_REVALIDATE: '0s',
      KEYTURN_VERIFIER_MIN_CACHE: '0s',
      KEYTURN_VERIFIER_REFRESH: '2s',
      KEYTURN_CLOCK_SKEW: '0s',
    }
    const authority = await startAuthority(own)
    const { code, stdout, stderr } = await run('keys rotate --queue --wait --json', own)
    expect(code).toBe(0)
    const { activeKid, activateAt } = JSON.parse(stdout)
    expect(stderr).toBe(`waiting until ${activateAt}, when ${activeKid} signs\n`)
    await authority.stop()
  })
})
