import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createVerifier, optionsFromEnv, type Verifier } from '@keyturn/verifier'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type DocumentPage, readPage, shell } from './document.ts'
import { freePort, keyturn, startAuthority, stopAll } from './end-to-end/processes.ts'

/** Follows docs/root-key.md word for word, and looks at what the command line refuses. */

const issuer = 'http://auth.test'
let page: DocumentPage
let folder: string
let env: Record<string, string>
let url: string
const verifiers: Verifier[] = []

beforeEach(async () => {
  page = await readPage('docs/root-key.md')
  folder = await mkdtemp(join(tmpdir(), 'keyturn-root-'))
  const port = await freePort()
  url = `http://127.0.0.1:${port}`
  env = {
    KEYTURN_ISSUER: issuer,
    KEYTURN_DATA_DIR: join(folder, 'data'),
    KEYTURN_HTTP_PORT: String(port),
    KEYTURN_ADMIN_PORT: '0',
    KEYTURN_KEYS_ALGORITHM: 'EdDSA',
  }
})
afterEach(async () => {
  for (const verifier of verifiers.splice(0)) verifier.close()
  await stopAll()
  await rm(folder, { recursive: true, force: true })
})

const path = (name: string) => join(folder, name)
const rootKids = async (file: string) =>
  (JSON.parse(await readFile(path(file), 'utf8')) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid)
const startWith = (root: string) => startAuthority({ ...env, KEYTURN_ROOT_KEY_FILE: path(root) })
const root = (...args: string[]) => keyturn(['keys', 'root', ...args], env)

/** A service that goes by a file of roots. */
async function serviceWith(roots: string): Promise<Verifier> {
  const options = optionsFromEnv({
    KEYTURN_ISSUER: issuer,
    KEYTURN_AUDIENCE: issuer,
    KEYTURN_JWKS_URL: `${url}/.well-known/jwks.jwt`,
    KEYTURN_VERIFIER_ROOT_KEYS_FILE: path(roots),
  })
  const verifier = createVerifier(options)
  verifiers.push(verifier)
  await verifier.ready().catch(() => {})
  return verifier
}

describe('a root key as documented (R30, R39)', () => {
  it('is made, signs the set, and is pinned; and another follows it without an outage', async () => {
    await shell(page.block('create'), env, folder)
    expect((await stat(path('root/root.jwk'))).mode & 0o777).toBe(0o600)
    const [first] = await rootKids('roots.json')
    expect(await readFile(path('roots.json'), 'utf8')).not.toMatch(/"d"/)
    const authority = await startWith('root/root.jwk')
    expect((await serviceWith('roots.json')).health()).toMatchObject({ status: 'fresh', rootKid: first })
    await shell(page.block('pin'), env, folder)

    await shell(page.block('follow'), env, folder)
    const [second, ...others] = await rootKids('roots-both.json')
    expect(others).toEqual([first])
    expect((await serviceWith('roots-both.json')).health()).toMatchObject({ status: 'fresh', rootKid: first })

    await authority.stop()
    await startWith('root/root-2.jwk')
    expect((await serviceWith('roots-both.json')).health()).toMatchObject({
      status: 'fresh',
      rootKid: second,
    })
    expect((await serviceWith('roots.json')).health()).toMatchObject({
      status: 'unavailable',
      lastError: 'key_set_root_unknown',
    })

    await shell(page.block('end'), env, folder)
    expect(await rootKids('roots.json')).toEqual([second])
  })

  it('is never written over, and what is wrong with its file is said', async () => {
    const file = path('root.jwk')
    const named = ['--root-key-file', file]
    expect(await root()).toMatchObject({ code: 2, stderr: expect.stringContaining('--root-key-file') })
    const missing = await root(...named)
    expect([missing.code, missing.stderr]).toEqual([
      2,
      expect.stringMatching(/^keyturn: root_key_unreadable: .*--create\n$/),
    ])
    expect((await root('--create', ...named)).code).toBe(0)
    const before = await readFile(file, 'utf8')
    const again = await root('--create', ...named)
    expect([again.code, again.stderr]).toEqual([2, expect.stringMatching(/^keyturn: root_key_exists: /)])
    expect(await readFile(file, 'utf8')).toBe(before)
    const algorithm = await root('--algorithm', 'ES256', ...named)
    expect([algorithm.code, algorithm.stderr]).toEqual([2, expect.stringMatching(/beside --create only/)])
    const beside = await root('--beside', file, ...named)
    expect([beside.code, beside.stderr]).toEqual([
      2,
      `keyturn: json_malformed: ${file} holds no root keys: key set refused: expected a JSON object with an array of keys - name a file that holds what keyturn keys root has printed\n`,
    ])
    const shown = await root('--json', ...named)
    const [printed] = JSON.parse(shown.stdout).keys
    expect(JSON.parse(shown.stdout)).toEqual({ keys: [printed] })
    expect(printed).not.toHaveProperty('d')
    await writeFile(path('odd.json'), JSON.stringify({ keys: [printed, { ...printed, kid: 'other' }] }))
    const odd = await root('--beside', path('odd.json'), ...named)
    expect([odd.code, odd.stderr]).toEqual([
      2,
      expect.stringMatching(/a key is refused \(key_kid_mismatch\)/),
    ])
  })

  it('is looked at by config check, as by a start', async () => {
    const named = ['--root-key-file', path('root.jwk'), '--json']
    const missing = await keyturn(['config', 'check', ...named], env)
    expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining('root_key_unreadable')])
    const [{ kid }] = JSON.parse((await root('--create', ...named)).stdout).keys
    const checked = await keyturn(['config', 'check', ...named], env)
    expect(JSON.parse(checked.stdout)).toMatchObject({ valid: true, rootKid: kid })
  })

  it('takes settings only under which caches never hold a set that is over', async () => {
    const { code, stderr } = await keyturn(
      ['config', 'check', '--root-key-file', path('x'), '--signed-jwks-ttl', '1h'],
      env,
    )
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/--signed-jwks-ttl: expected at least 64m, four times/),
    ])
  })
})
