import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { chmod, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createVerifier } from '@keyturn/verifier'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type DocumentPage, readPage, shell } from './document.ts'
import { freePort, keyturn, startAuthority, stopAll } from './end-to-end/processes.ts'

/** Follows docs/import-keys.md word for word, and looks at what the command line refuses. */

const issuer = 'http://auth.test'
let page: DocumentPage
let folder: string
let env: Record<string, string>
let jwksUrl: string

beforeEach(async () => {
  page = await readPage('docs/import-keys.md')
  folder = await mkdtemp(join(tmpdir(), 'keyturn-import-'))
  const port = await freePort()
  env = {
    KEYTURN_ISSUER: issuer,
    KEYTURN_DATA_DIR: join(folder, 'data'),
    KEYTURN_HTTP_PORT: String(port),
    KEYTURN_ADMIN_PORT: '0',
    KEYTURN_STORE_POLL: '200ms',
  }
  jwksUrl = `http://127.0.0.1:${port}/.well-known/jwks.json`
})
afterEach(async () => {
  await stopAll()
  await rm(folder, { recursive: true, force: true })
})

const follow = (block: string) => shell(page.block(block), env, folder)
const keysNow = async (): Promise<{ kid: string; alg: string; state: string; activateAt: string }[]> =>
  JSON.parse((await shell('keyturn keys list --json', env, folder)).stdout).keys
const publishedKids = async () =>
  ((await (await fetch(jwksUrl)).json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid)
const refusal = (action: Promise<unknown>) =>
  action.then(
    () => 'none',
    (error: { stderr?: string }) => /^keyturn: (\w+):/m.exec(error.stderr ?? '')?.[1],
  )
async function askForToken(): Promise<string> {
  const client = JSON.parse((await shell('keyturn clients create tester --json', env, folder)).stdout)
  const response = await fetch(jwksUrl.replace('/.well-known/jwks.json', '/oauth2/token'), {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: client.clientId,
      client_secret: client.clientSecret,
    }),
  })
  return ((await response.json()) as { access_token: string }).access_token
}

describe('an imported key as documented (R13)', () => {
  it('is published by an authority that runs, survives a restart, signs, and verifiers take what it signs', async () => {
    const before = await startAuthority(env)
    const [active, spare] = await keysNow()
    await follow('make')
    const { stdout, stderr } = await follow('import')
    const [, kid = ''] = /^([\w-]{43}) \(ES256\) is the next key/.exec(stdout) ?? []
    expect(stderr).toContain(`it replaces ${spare?.kid}`)
    expect(await keysNow()).toMatchObject([
      { kid: active?.kid, state: 'active' },
      { kid, alg: 'ES256', state: 'next', activateAt: spare?.activateAt },
    ])
    await vi.waitFor(async () => expect(await publishedKids()).toEqual([active?.kid, kid]), 5000)
    await before.stop()
    const after = await startAuthority(env)
    expect(await publishedKids()).toEqual([active?.kid, kid])
    expect((await follow('rotate')).stdout).toContain(`${kid} signs from`)
    expect((await follow('force')).stdout).toContain(`${kid} signs from`)
    let token = ''
    await vi.waitFor(async () => {
      token = await askForToken()
      expect(decodeProtectedHeader(token).kid).toBe(kid)
    }, 10_000)
    const expectations = { issuer, audience: issuer }
    const { protectedHeader } = await jwtVerify(token, createRemoteJWKSet(new URL(jwksUrl)), expectations)
    expect(protectedHeader).toMatchObject({ alg: 'ES256', kid })
    const verifier = createVerifier({ ...expectations, jwksUrl })
    expect((await verifier.verify(token)).header.kid).toBe(kid)
    verifier.close()
    expect(await refusal(follow('import'))).toBe('key_known')
    await after.stop()
  })

  it('comes through a pipe where it is encrypted, or a link', async () => {
    await (await startAuthority(env)).stop()
    await writeFile(join(folder, 'passphrase'), 'correct horse', { mode: 0o600 })
    await shell(
      'openssl genpkey -algorithm ED25519 -aes256 -pass file:passphrase -out encrypted.pem && chmod 0600 encrypted.pem',
      env,
      folder,
    )
    const direct = await keyturn(
      ['keys', 'import', join(folder, 'encrypted.pem'), '--algorithm', 'EdDSA'],
      env,
    )
    expect([direct.code, direct.stderr]).toEqual([
      2,
      expect.stringMatching(/key_encrypted: .*openssl pkey -in/),
    ])
    const piped = await follow('pipe').catch((error) => error)
    expect(piped.stderr).toMatch(/algorithm_ambiguous: .*EdDSA, Ed25519/)
    const command = `${page.block('pipe').trim()} --algorithm Ed25519 --json`
    expect(JSON.parse((await shell(command, env, folder)).stdout)).toMatchObject({ alg: 'Ed25519' })
  })
})

describe('a key file that is refused (R13, R75)', () => {
  it('leaves the ring as it was, and shows nothing of the key', async () => {
    await (await startAuthority(env)).stop()
    const before = await keysNow()
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
    const jwk = JSON.stringify(privateKey.export({ format: 'jwk' }))
    const file = join(folder, 'key.pem')
    await writeFile(file, pem, { mode: 0o600 })
    await symlink(file, join(folder, 'link.pem'))
    await writeFile(join(folder, 'open.pem'), pem)
    await chmod(join(folder, 'open.pem'), 0o644)
    await writeFile(join(folder, 'large.pem'), `${' '.repeat(20_000)}${pem}`, { mode: 0o600 })
    for (const [argument, code, exit] of [
      [join(folder, 'link.pem'), 'key_file_unreadable', 2],
      [join(folder, 'open.pem'), 'store_unsafe', 1],
      [join(folder, 'large.pem'), 'key_malformed', 2],
      [join(folder, 'none.pem'), 'key_file_unreadable', 2],
      [folder, 'store_unsafe', 1],
      // the key itself, in the wrong place
      [pem, 'usage', 2],
      [jwk, 'key_file_unreadable', 2],
    ] as const) {
      const outcome = await keyturn(['keys', 'import', argument, '--json'], env)
      expect([argument, outcome.code, JSON.parse(outcome.stderr).error.code]).toEqual([argument, exit, code])
      for (const part of [pem, jwk].flatMap((text) => text.match(/[\w+/-]{20,}/g) ?? []))
        expect(outcome.stderr).not.toContain(part)
    }
    expect(await keysNow()).toEqual(before)
    const mismatch = await keyturn(['keys', 'import', file, '--algorithm', 'RS256'], env)
    expect([mismatch.code, mismatch.stderr]).toEqual([2, expect.stringContaining('algorithm_mismatch')])
    const outcome = await keyturn(['keys', 'import', file, '--json'], env)
    expect(outcome.code, outcome.stderr).toBe(0)
    const kept = await readFile(file, 'utf8')
    expect(createPrivateKey(kept).asymmetricKeyType).toBe('ec')
    const { d } = JSON.parse(jwk)
    expect(outcome.stdout + outcome.stderr).not.toContain(d)
    const audit = await keyturn(['audit', 'list', '--json'], env)
    expect(audit.stdout).toContain('"origin":"imported"')
    expect(audit.stdout).not.toContain(d)
  })
})
