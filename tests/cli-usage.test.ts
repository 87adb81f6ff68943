import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { keyturn } from './end-to-end/processes.ts'

/** What the command line takes, and what it says of what it does not take. Starts no authority. */

let folder: string
let env: Record<string, string>
const run = (line: string, more: Record<string, string> = {}) => keyturn(line.split(' '), { ...env, ...more })

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyturn-cli-usage-'))
  env = { KEYTURN_DATA_DIR: join(folder, 'data') }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('usage (R57)', () => {
  it.each([
    ['', 2],
    ['--help', 0],
    ['--version', 0],
    ['keys --help', 0],
    ['serve --help', 0],
    ['frobnicate', 2],
    ['keys', 2],
    ['keys frobnicate', 2],
    ['keys list --frobnicate', 2],
    ['keys list extra', 2],
    ['keys rotate --queue --force', 2],
    ['keys revoke', 2],
    ['keys revoke K', 2],
    ['token verify', 2],
  ])('%j ends with %i', async (line, code) => {
    const outcome = await keyturn(line.split(' ').filter(Boolean), env)
    expect(outcome.code).toBe(line === '' ? 2 : code)
    if (outcome.code === 2 && line !== '' && line !== 'keys')
      expect(outcome.stderr).toMatch(/^keyturn: usage: [^\n]+\n$/)
  })

  it.each([
    ['--keys-rotation-interval 10m', /--keys-rotation-interval: expected more than the lead .*not 10m/],
    ['--keys-grace-skew 1s', /--keys-grace-skew: expected at least 15s .*not 1s/],
    ['--access-token-ttl soon', /--access-token-ttl: expected a duration/],
    [
      '--access-token-ttl 2h --access-token-max-ttl 1h',
      /--access-token-ttl: expected at most --access-token-max-ttl/,
    ],
    ['--access-token-ttl 1500ms', /whole seconds/],
    ['--http-port 70000', /--http-port: expected a port/],
    ['--http-host 0.0.0.0', /--http-host: plain http is for this machine only/],
    ['--store cloud', /--store: expected one of file, memory/],
    ['--keys-algorithm none', /--keys-algorithm: expected one of RS256/],
    ['--issuer https://u:p@auth.test', /--issuer: expected https:/],
    ['--issuer auth.test:9001', /^keyturn: config_invalid: --issuer: expected https:/],
    ['--http-port 7 --admin-port 7', /--http-port and --admin-port: expected two ports/],
  ])('config check %s names what is wrong (R54)', async (flags, message) => {
    const { code, stderr } = await run(`config check ${flags}`)
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)])
    expect(stderr).not.toContain('config check')
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })

  it.each(['doctor', 'config print', 'migrate check', 'completion bash'])(
    'has no command %s yet, and says so (R57)',
    async (line) => {
      const { code, stdout, stderr } = await run(line)
      expect([code, stdout, stderr]).toEqual([
        2,
        '',
        expect.stringMatching(/^keyturn: usage: unknown command '\w+' - see: keyturn (config )?--help\n$/),
      ])
    },
  )

  it('says which version it is', async () => {
    const { version } = JSON.parse(
      await readFile(new URL('../packages/keyturn/package.json', import.meta.url), 'utf8'),
    )
    expect(await run('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
  })

  it('inspects a hostile token without doing what it says to the terminal (R75)', async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const claims = { sub: '\x1b[2J\x9b31m\x7f\u202e', '\u200bname': 'Zoë' }
    const token = `${part({ alg: 'RS256', kid: '\x9bA' })}.${part(claims)}.AAAA`
    for (const line of [`token inspect ${token}`, `token inspect --json ${token}`]) {
      const { code, stdout } = await run(line)
      expect(code).toBe(0)
      expect(stdout).not.toMatch(/[^\P{C}\n]/u)
      const { payload } = JSON.parse(stdout)
      expect(payload).toEqual(claims)
      expect(stdout).toContain('Zoë')
    }
  })

  it('refuses a variable that means nothing, and takes one of a verifier (R54)', async () => {
    const misspelt = await run('config check', { KEYTURN_HTTP_PROT: '1' })
    expect([misspelt.code, misspelt.stderr]).toEqual([2, expect.stringContaining('config_unknown_setting')])
    expect((await run('config check', { KEYTURN_JWKS_URL: 'https://auth.test/jwks' })).code).toBe(0)
  })

  it('prefers flags to the environment, and the environment to the file (R54)', async () => {
    const file = join(folder, 'config.json')
    await writeFile(file, JSON.stringify({ issuer: 'https://file.test', audience: 'file', logLevel: 'warn' }))
    const { stdout } = await run(`config check --json --config ${file} --issuer https://flag.test`, {
      KEYTURN_AUDIENCE: 'env',
    })
    expect(JSON.parse(stdout)).toMatchObject({ valid: true, issuer: 'https://flag.test', audience: 'env' })
    await writeFile(file, '{"isuer":"x"}')
    expect((await run(`config check --config ${file}`)).stderr).toMatch(
      /"isuer" is no setting - did you mean issuer\?/,
    )
    await writeFile(file, '{')
    expect((await run(`config check --config ${file}`)).stderr).toContain('config_file_unreadable')
  })
})

describe('what a command was given (R54, R57)', () => {
  it('is named as it was typed: a flag, or a variable', async () => {
    const own = { ...env, KEYTURN_ISSUER: 'https://auth.test', KEYTURN_AUDIENCE: 'orders' }
    const of = async (flags: string, variables = {}) =>
      (await run(`token verify x.y.z ${flags}`.trim(), { ...own, ...variables })).stderr
    expect(await of('--jwks http://keys.internal')).toMatch(/jwks_url_invalid: --jwks: expected https/)
    expect(await of('--algorithms HS256')).toMatch(/verifier_env_invalid: --algorithms: expected names/)
    const variables = { KEYTURN_JWKS_URL: 'http://keys.internal', KEYTURN_VERIFIER_TIMEOUT: '0s' }
    expect(await of('', variables)).toMatch(/jwks_url_invalid: KEYTURN_JWKS_URL: expected https/)
    expect(await of('--unsafe-http', variables)).toMatch(
      /verifier_options_invalid: KEYTURN_VERIFIER_TIMEOUT: expected a number/,
    )
  })
})
