import { mkdtemp, readdir, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createVerifier, type Verifier } from '@keyturn/verifier'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type DocumentPage, readPage, shell } from './document.ts'
import { freePort, startAuthority, stopAll } from './end-to-end/processes.ts'

/** Follows docs/recovery.md word for word, with a verifier that has seen what was before. */

const issuer = 'http://auth.test'
let page: DocumentPage
let folder: string
let env: Record<string, string>
let jwksUrl: string
let verifier: Verifier
/** What the authority said of the last token that it did not make. */
let held: string | undefined

beforeEach(async () => {
  page = await readPage('docs/recovery.md')
  folder = await mkdtemp(join(tmpdir(), 'keyturn-recovery-'))
  const port = await freePort()
  env = {
    KEYTURN_ISSUER: issuer,
    KEYTURN_DATA_DIR: join(folder, 'data'),
    KEYTURN_HTTP_PORT: String(port),
    KEYTURN_ADMIN_PORT: '0',
    KEYTURN_KEYS_ALGORITHM: 'ES256',
    KEYTURN_JWKS_MAX_AGE: '1s',
    KEYTURN_VERIFIER_MIN_CACHE: '1s',
  }
  jwksUrl = `http://127.0.0.1:${port}/.well-known/jwks.json`
  verifier = createVerifier({ issuer, audience: issuer, jwksUrl, algorithms: ['ES256'], minCacheSeconds: 1 })
})
afterEach(async () => {
  verifier.close()
  await stopAll()
  await rm(folder, { recursive: true, force: true })
})

const follow = (block: string, more: Record<string, string> = {}) =>
  shell(page.block(block), { ...env, ...more }, folder)
const refusal = (action: Promise<unknown>) =>
  action.then(
    () => 'none',
    (error: { stderr?: string; code?: string }) =>
      /^keyturn: (\w+):/m.exec(error.stderr ?? '')?.[1] ?? error.code,
  )
async function keysNow(): Promise<{ kid: string; state: string }[]> {
  return JSON.parse((await shell('keyturn keys list --json', env, folder)).stdout).keys
}
/** The kid of the next key, once there is one. */
async function untilNextKey(): Promise<string> {
  for (;;) {
    const next = (await keysNow()).find(({ state }) => state === 'next')
    if (next !== undefined) return next.kid
  }
}
/** A token of a client, or the code with which the authority refuses to make one. */
async function askForToken(): Promise<string> {
  const { clientId, clientSecret } = JSON.parse(
    (await shell('keyturn clients create tester --json', env, folder)).stdout,
  )
  const response = await fetch(jwksUrl.replace('/.well-known/jwks.json', '/oauth2/token'), {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
    headers: { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}` },
  })
  const answer = (await response.json()) as Record<'access_token' | 'error' | 'error_description', string>
  held = answer.error_description
  return answer.access_token ?? answer.error ?? ''
}
async function newestRingFile(): Promise<string> {
  const keys = join(folder, 'data/keys')
  return join(keys, (await readdir(keys)).sort().at(-1) ?? '')
}
/** Starts the authority by the last line of a block, which is `keyturn serve` with flags. */
async function serveBy(block: string) {
  const lines = page.block(block).trim().split('\n')
  const [program, command, ...flags] = (lines.pop() ?? '').split(' ')
  expect([program, command]).toEqual(['keyturn', 'serve'])
  if (lines.length > 0) await shell(lines.join('\n'), env, folder)
  return await startAuthority(env, flags)
}
/** Until the verifier has seen the set of now, after an outage in which it waits longer and longer. */
async function verifierRefreshes(): Promise<void> {
  const { success } = verifier.health().refreshes
  await vi.waitFor(() => expect(verifier.health().refreshes.success).toBeGreaterThan(success), {
    timeout: 30_000,
    interval: 50,
  })
}

describe('recovery as documented (R16, R21)', () => {
  it('from a corrupt ring, by a backup: what was signed is good, and nothing is signed until it is confirmed', async () => {
    const before = await startAuthority(env)
    const token = await askForToken()
    await verifier.verify(token)
    expect((await follow('backup')).stdout).toMatch(/holds generation 1\nwhole: generation 1, /)
    // published since the backup, so that the verifier has a newer set than the backup knows of
    await shell('keyturn keys rotate --force --wait', env, folder)
    await verifier.verify(await askForToken())
    await before.stop()
    const file = await newestRingFile()
    await truncate(file, 200)
    expect(await refusal(shell('keyturn serve', env, folder))).toBe('ring_corrupt')

    const restored = await follow('restore')
    expect(restored.stderr).toMatch(/knows its keys from .*Z on\n.*--confirm\n/)
    const after = await startAuthority(env)
    expect(after.log()).toMatch(/"level":"warn".*signs nothing until it is confirmed/)
    expect(await askForToken()).toBe('temporarily_unavailable')
    expect(held).toMatch(/until it is confirmed: keyturn keys restore FILE --confirm$/)
    expect(await (await fetch(new URL('/health', jwksUrl))).json()).toEqual({ status: 'degraded' })
    await verifierRefreshes()
    await verifier.verify(token)
    const [, spare] = await keysNow()
    await follow('revoke-again', { kid: spare?.kid ?? '' })

    await follow('confirm')
    await vi.waitFor(async () => {
      expect(await (await fetch(new URL('/health', jwksUrl))).json()).toEqual({ status: 'ok' })
    }, 5000)
    await verifier.verify(await askForToken())
    expect((await keysNow()).map(({ kid }) => kid)).not.toContain(spare?.kid)
    await after.stop()
  })

  it('from a corrupt ring, by the scheduled backup that followed the last rotation', async () => {
    const scheduled = {
      ...env,
      KEYTURN_BACKUP_DIR: /BACKUP_DIR=(\S+)/.exec(page.block('schedule'))?.[1] ?? '',
    }
    scheduled.KEYTURN_BACKUP_DIR = join(folder, scheduled.KEYTURN_BACKUP_DIR)
    const before = await startAuthority({
      ...scheduled,
      KEYTURN_BACKUP_INTERVAL: '1s',
      KEYTURN_BACKUP_KEEP: '2',
    })
    await shell('keyturn keys rotate --force --wait', env, folder)
    const token = await askForToken()
    const [active] = await keysNow()
    await vi.waitFor(async () => {
      expect((await follow('verify-scheduled')).stdout).toMatch(/^whole: generation [3-9]/)
    }, 15_000)
    await vi.waitFor(async () => expect(await readdir(scheduled.KEYTURN_BACKUP_DIR)).toHaveLength(2), 15_000)
    await before.stop()
    await truncate(await newestRingFile(), 200)
    await follow('restore-scheduled')
    const after = await startAuthority(env)
    await verifier.verify(token)
    expect((await keysNow()).map(({ kid }) => kid)).toContain(active?.kid)
    await verifier.verify(await askForToken())
    await after.stop()
  })

  it('from a corrupt ring, by the generation before, which the error names', async () => {
    const before = await startAuthority(env)
    await shell('keyturn keys rotate --force --wait', env, folder)
    await before.stop()
    await truncate(await newestRingFile(), 0)
    const error = await shell('keyturn keys list', env, folder).catch((it) => it.stderr as string)
    const [, earlier] = /losing the last change, with (\S+)/.exec(String(error)) ?? []
    await shell(`keyturn keys restore ${earlier} --confirm`, env, folder)
    const after = await startAuthority(env)
    await verifier.verify(await askForToken())
    await after.stop()
  })

  it('from a ring that is gone, by a backup; and never over a ring that is whole', async () => {
    const before = await startAuthority(env)
    const token = await askForToken()
    await follow('backup')
    expect(await refusal(follow('restore'))).toBe('restore_refused')
    expect(await refusal(follow('backup'))).toBe('backup_failed')
    await before.stop()
    await rm(join(folder, 'data/keys'), { recursive: true })
    expect(await refusal(shell('keyturn serve', env, folder))).toBe('ring_missing')
    const first = await follow('restore')
    expect((await follow('restore')).stdout).toBe(first.stdout)
    await shell('keyturn keys backup held.ring && keyturn keys restore held.ring', env, folder)
    await follow('confirm')
    const after = await startAuthority(env)
    await verifier.verify(token)
    await after.stop()
  })

  it('again and again on one day, also by an older backup: each time ahead of all that there was', async () => {
    const before = await startAuthority(env)
    await follow('backup')
    await shell('keyturn keys rotate --force --wait', env, folder)
    // the one that is made once the spare has taken over
    const made = await untilNextKey()
    await before.stop()
    const restoreAnew = async (file: string) => {
      await rm(join(folder, 'data/keys'), { recursive: true })
      const { stdout } = await shell(`keyturn keys restore ${file} --confirm --json`, env, folder)
      return JSON.parse(stdout) as { generation: number; lacking: readonly string[] }
    }
    const first = await restoreAnew('backup.ring')
    await shell('keyturn keys backup later.ring', env, folder)
    const second = await restoreAnew('later.ring')
    const third = await restoreAnew('backup.ring')
    expect(second.generation).toBeGreaterThan(first.generation)
    expect(third.generation).toBeGreaterThan(second.generation)
    expect(third.lacking).toEqual([made])
    expect(JSON.parse((await shell('keyturn keys list --json', env, folder)).stdout)).toMatchObject({
      held: false,
    })
    const after = await startAuthority(env)
    await verifier.verify(await askForToken())
    await after.stop()
  })

  it('from a backup that is not sealed, where rings are', async () => {
    const before = await startAuthority(env)
    const token = await askForToken()
    await follow('backup')
    await before.stop()
    const sealing = { KEYTURN_KEYS_ENCRYPTION_KEY: Buffer.alloc(32, 1).toString('base64') }
    await rm(join(folder, 'data/keys'), { recursive: true })
    const refused = await follow('restore', sealing).catch((it) => it)
    expect(refused.stderr).toMatch(/^keyturn: ring_unsealed: .*backup\.ring: .*--accept-unsealed/m)
    const line = 'keyturn keys restore backup.ring --accept-unsealed'
    const { stderr } = await shell(line, { ...env, ...sealing }, folder)
    expect(stderr).toContain('it signs nothing until you run: keyturn keys restore backup.ring --confirm')
    expect((await shell('keyturn keys list', { ...env, ...sealing }, folder)).stderr).toContain(
      'signs nothing',
    )
    await shell(`${line} --confirm`, { ...env, ...sealing }, folder)
    expect(await refusal(shell('keyturn keys list', env, folder))).toBe('ring_sealed')
    const after = await startAuthority({ ...env, ...sealing })
    await verifier.verify(token)
    await after.stop()
  })

  it('from a lost key-encryption key, by a backup that can be opened; what was replaced is kept', async () => {
    const before = await startAuthority(env)
    const token = await askForToken()
    await follow('backup')
    await before.stop()
    const sealed = { ...env, KEYTURN_KEYS_ENCRYPTION_KEY: Buffer.alloc(32, 1).toString('base64') }
    await shell('keyturn keys rewrap', sealed, folder)
    const file = await newestRingFile()
    for (const KEYTURN_KEYS_ENCRYPTION_KEY of [Buffer.alloc(32, 2).toString('base64'), undefined]) {
      const given = KEYTURN_KEYS_ENCRYPTION_KEY === undefined ? env : { ...env, KEYTURN_KEYS_ENCRYPTION_KEY }
      const { stderr } = await shell('keyturn serve', given, folder).catch((it) => it)
      expect(stderr).toMatch(/^keyturn: (kek_unknown|ring_sealed): .*--replace-unopened$/m)
      expect(stderr).toContain(file)
    }
    expect(await refusal(follow('restore'))).toBe('ring_sealed')
    await follow('replace-unopened')
    const after = await startAuthority(env)
    await verifier.verify(token)
    await verifier.verify(await askForToken())
    await shell('keyturn keys rotate --force --wait', env, folder)
    const keptFiles = (await readdir(join(folder, 'data/keys'))).filter((name) => name.endsWith('.unopened'))
    expect(keptFiles).toContain(`${basename(file)}.unopened`)
    await shell('keyturn audit verify', env, folder)
    await after.stop()
  })

  it('without what was revoked since: the audit log knows, and the key stays revoked', async () => {
    const before = await startAuthority(env)
    const token = await askForToken()
    await verifier.verify(token)
    await follow('backup')
    const [revoked] = await keysNow()
    await follow('revoke', { kid: revoked?.kid ?? '' })
    await before.stop()
    await rm(join(folder, 'data/keys'), { recursive: true })
    const { stderr } = await follow('restore')
    expect(stderr).toContain(`${revoked?.kid} is revoked again`)
    await follow('confirm')
    const after = await startAuthority(env)
    await verifierRefreshes()
    expect(await refusal(verifier.verify(token))).toBe('key_unknown')
    await verifier.verify(await askForToken())
    await after.stop()
  })

  it('from a ring that is gone without a backup, and from a state that is gone', async () => {
    const before = await startAuthority(env)
    const token = await askForToken()
    await before.stop()
    await rm(join(folder, 'data/keys'), { recursive: true })
    const anew = await serveBy('begin-anew')
    expect(await refusal(verifier.verify(token))).toBe('key_unknown')
    await verifier.verify(await askForToken())
    await anew.stop()
    await truncate(join(folder, 'data/state.db'), 0)
    expect(await refusal(shell('keyturn serve', env, folder))).toBe('state_corrupt')
    const stateless = await serveBy('without-state')
    await verifier.verify(await askForToken())
    await stateless.stop()
  })

  it('from a leak while the state is gone: what cannot be recorded is done when asked for so', async () => {
    await (await startAuthority(env)).stop()
    await rm(join(folder, 'data/state.db'))
    const [leaked] = await keysNow()
    expect(await refusal(follow('revoke', { kid: leaked?.kid ?? '' }))).toBe('state_missing')
    expect((await keysNow())[0]?.state).toBe('active')
    await follow('revoke-again', { kid: leaked?.kid ?? '' })
    expect((await keysNow())[0]?.state).toBe('revoked')
  })

  it('from a leak of one key, and of the whole store', async () => {
    const authority = await startAuthority(env)
    const [leaked] = await keysNow()
    await follow('revoke', { kid: leaked?.kid ?? '' })
    await vi.waitFor(async () => expect(await keysNow()).toHaveLength(3), 10_000)
    const before = await keysNow()
    const active = before.find(({ state }) => state === 'active')
    await follow('revoke-all', { kid: active?.kid ?? '' })
    const after = await keysNow()
    const good = after.filter(({ state }) => state !== 'revoked').map(({ kid }) => kid)
    expect(before.filter(({ kid }) => good.includes(kid))).toEqual([])
    await verifier.verify(await askForToken())
    await authority.stop()
  })
})
