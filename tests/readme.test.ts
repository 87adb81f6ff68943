import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type DocumentPage, readPage, root, shell } from './document.ts'
import { freePort, startAuthority, startScript, stopAll } from './end-to-end/processes.ts'

/** Below the root, so that snippets find the packages as a user's code does. */
const snippets = join(root, 'node_modules/.cache/readme')

let readme: DocumentPage
let folder: string
let env: Record<string, string>
let port: string

beforeAll(async () => {
  readme = await readPage('README.md')
  folder = await mkdtemp(join(tmpdir(), 'keyturn-readme-'))
  await mkdir(snippets, { recursive: true })
  port = String(await freePort())
  env = { KEYTURN_DATA_DIR: join(folder, 'data'), KEYTURN_HTTP_PORT: port, KEYTURN_ADMIN_PORT: '0' }
})
afterEach(stopAll)
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await rm(snippets, { recursive: true, force: true })
})

/** Runs a block on the port of this test. */
async function run(script: string): Promise<string> {
  return (await shell(script.replaceAll('9001', port), env)).stdout
}

describe('the README (R66)', () => {
  it('gives a session that works as it is written', async () => {
    const authority = await startAuthority(env)
    const stdout = await run(readme.block('session'))
    expect(stdout.match(/^valid$/gm)).toHaveLength(3)
    expect(stdout).toMatch(/^[\w-]{43} signs from .*Z$/m)
    expect(stdout).toMatch(/^[\w-]{43} {2}retired /m)
    expect(await authority.stop()).toBe(0)
  })

  it('gives a service that verifies', async () => {
    const authority = await startAuthority(env)
    const [beginning] = readme.block('session').split('# the next key signs')
    const token = (await run(`${beginning}\necho "$first"`)).trim().split('\n').at(-1)
    const servicePort = await freePort()
    const code = `${readme.block('service').replaceAll('8080', String(servicePort))}\nconsole.log('{}')\n`
    await writeFile(join(snippets, 'service.mjs'), code)
    const { issuer } = authority.ready
    const service = await startScript(pathToFileURL(join(snippets, 'service.mjs')).href, {
      KEYTURN_ISSUER: issuer,
      KEYTURN_AUDIENCE: issuer,
    })
    const ask = (headers: Record<string, string>) => fetch(`http://127.0.0.1:${servicePort}`, { headers })
    expect(await (await ask({ authorization: `Bearer ${token}` })).text()).toMatch(/^hello [\w-]{36}\n$/)
    expect((await ask({})).status).toBe(401)
    await service.stop()
    await authority.stop()
  })

  it('gives a key manager inside another program', async () => {
    await writeFile(join(snippets, 'embed.mjs'), readme.block('embed'))
    const { stdout } = await shell(`node ${join(snippets, 'embed.mjs')}`, {}, folder)
    expect(stdout).toBe('user-1 2\n')
    expect(await readdir(join(folder, 'keys'))).toEqual(['ring.000000000001.json'])
  })

  it('names only pages that exist', async () => {
    const pages = [
      'README.md',
      'CONTRIBUTING.md',
      'docs/adr/README.md',
      'docs/reference/http.md',
      'docs/recovery.md',
      'docs/encryption-at-rest.md',
      'docs/guards.md',
      'docs/testing.md',
    ]
    for (const page of pages) {
      const text = await readFile(join(root, page), 'utf8')
      for (const [, link = ''] of text.matchAll(/\]\((?!https?:)([^)#]+)/g)) {
        await expect(readFile(join(root, dirname(page), link)), `${link} in ${page}`).resolves.toBeDefined()
      }
    }
  })
})

describe('the READMEs of the packages (R66, R67)', () => {
  const all = Promise.all(
    ['core', 'keyring', 'keyturn', 'testing', 'verifier'].map((name) =>
      readFile(join(root, 'packages', name, 'README.md'), 'utf8'),
    ),
  )

  it('say alike how a package is had that is in no registry, and promise no other way', async () => {
    const ways = (await all).map((text) => /^In no registry yet: .*\n.*\)\.$/m.exec(text)?.[0])
    expect(new Set(ways).size).toBe(1)
    expect(ways[0]).toContain('npm pack --workspaces')
    for (const text of await all) expect(text).not.toMatch(/npm install (--\S+ )?@?keyturn/)
  })
})
