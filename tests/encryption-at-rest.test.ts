import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DocumentPage, readPage, shell } from './document.ts'
import { freePort, startAuthority, stopAll } from './end-to-end/processes.ts'

let page: DocumentPage
let folder: string
let plain: Record<string, string>
let sealed: Record<string, string>
beforeAll(async () => {
  page = await readPage('docs/encryption-at-rest.md')
  folder = await mkdtemp(join(tmpdir(), 'keyturn-at-rest-'))
  plain = {
    KEYTURN_ISSUER: 'http://auth.test',
    KEYTURN_DATA_DIR: join(folder, 'data'),
    KEYTURN_HTTP_PORT: String(await freePort()),
    KEYTURN_ADMIN_PORT: '0',
    KEYTURN_KEYS_ALGORITHM: 'ES256',
  }
  sealed = { ...plain, KEYTURN_KEYS_ENCRYPTION_KEY_FILE: join(folder, 'kek') }
})
afterAll(async () => {
  await stopAll()
  await rm(folder, { recursive: true, force: true })
})

const run = (script: string, env: Record<string, string>) => shell(script, env, folder)
const refusal = (action: Promise<unknown>) =>
  action.then(
    () => 'none',
    ({ stderr }: { stderr: string }) => /^keyturn: (\w+):/m.exec(stderr)?.[1],
  )
async function ringFiles(): Promise<string> {
  const keys = join(folder, 'data/keys')
  return (await Promise.all((await readdir(keys)).map((name) => readFile(join(keys, name), 'utf8')))).join(
    '\n',
  )
}

describe('encryption at rest as documented (R19)', () => {
  it('seals a ring that was not, so that neither it nor the one before it is in the clear', async () => {
    await (await startAuthority(plain)).stop()
    expect(await ringFiles()).toContain('"privateKey"')
    await run(page.block('seal'), plain)
    expect(await ringFiles()).not.toContain('"privateKey"')
    expect(await refusal(run('keyturn serve', plain))).toBe('ring_sealed')
  })

  it('turns and publishes as before under a running authority, and changes its key', async () => {
    const authority = await startAuthority(sealed)
    const rotated = JSON.parse((await run('keyturn keys rotate --force --wait --json', sealed)).stdout)
    const { keys } = (await (await fetch(`${authority.ready.url}/.well-known/jwks.json`)).json()) as {
      keys: { kid: string }[]
    }
    expect(keys.map(({ kid }) => kid)).toContain(rotated.activeKid)
    await authority.stop()
    await run(page.block('change'), sealed)
    const restarted = await startAuthority(sealed)
    await run(page.block('rewrap'), sealed)
    expect((await run(page.block('drop'), sealed)).stdout.match(/^whole: /gm)).toHaveLength(2)
    await restarted.stop()
  })

  it('stops the start where the key is another, or a ring was put there in the clear', async () => {
    await run('openssl rand -base64 32 > other', sealed)
    const other = { ...sealed, KEYTURN_KEYS_ENCRYPTION_KEY_FILE: join(folder, 'other') }
    expect(await refusal(run('keyturn serve', other))).toBe('kek_unknown')
    const elsewhere = { ...plain, KEYTURN_DATA_DIR: join(folder, 'elsewhere') }
    await (await startAuthority(elsewhere)).stop()
    expect(
      await refusal(run('keyturn serve', { ...sealed, KEYTURN_DATA_DIR: join(folder, 'elsewhere') })),
    ).toBe('ring_unsealed')
    expect(await refusal(run('keyturn keys rewrap', elsewhere))).toBe('kek_missing')
  })
})
