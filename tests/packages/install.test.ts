import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readPage, shell } from '../document.ts'
import { freePort } from '../end-to-end/processes.ts'
import { manifestOf, npm, PACKAGES, pack } from './packed.ts'

/** Its dependencies come from the registry. Where that does not answer, this is skipped, but not in CI. */
async function isRegistryThere(): Promise<boolean> {
  if (process.env.CI === 'true') return true
  return await npm(['ping', '--fetch-retries=0', '--fetch-timeout=10000'], tmpdir()).then(
    () => true,
    () => {
      console.warn('SKIPPED: keyturn installed from its tarball, for want of the registry')
      return false
    },
  )
}

describe.runIf(await isRegistryThere())('keyturn, installed from its tarball (R16, R67)', () => {
  let prefix: string
  beforeAll(async () => {
    prefix = await mkdtemp(join(tmpdir(), 'keyturn-global-'))
    const paths = [...(await pack(PACKAGES, prefix)).values()].map(({ path }) => path)
    // not --global: there each tarball has a tree of its own, and out of the registry keyturn alone is asked for
    await npm(['install', `--prefix=${prefix}`, '--prefer-offline', '--ignore-scripts', ...paths], prefix)
  })
  afterAll(() => rm(prefix, { recursive: true, force: true }))

  it('starts, and works as its README says', async () => {
    const port = String(await freePort())
    const example = (await readPage('packages/keyturn/README.md')).block('example').replaceAll('9001', port)
    const installed = `export PATH=${prefix}/node_modules/.bin:$PATH\ntrap 'kill $(jobs -p); wait' EXIT\nkeyturn --version`
    const env = { KEYTURN_HTTP_PORT: port, KEYTURN_ADMIN_PORT: '0' }
    const { stdout } = await shell(`${installed}\n${example}`, env, prefix)
    const { version } = await manifestOf('keyturn')
    expect(stdout).toMatch(new RegExp(`^${version}\n`))
    expect(stdout).toContain('retired')
    expect(stdout).toMatch(/\{"keys":\[\{.*\}\n?$/)
  })
})
