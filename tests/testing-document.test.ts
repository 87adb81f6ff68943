import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ENDPOINT_FAULTS, testIssuer } from '@keyturn/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type DocumentPage, readPage, root, shell } from './document.ts'

/** Not below node_modules, where no runner looks for tests. */
let folder: string
let page: DocumentPage
beforeAll(async () => {
  page = await readPage('docs/testing.md')
  folder = await mkdtemp(join(tmpdir(), 'keyturn-testing-'))
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  const files = { main: 'main.mjs', vitest: 'orders.test.mjs', 'node-test': 'main.test.mjs' }
  for (const [block, name] of Object.entries(files)) await writeFile(join(folder, name), page.block(block))
})
beforeEach(() => writeFile(join(folder, 'orders.mjs'), page.block('orders')))
afterAll(() => rm(folder, { recursive: true, force: true }))

const RUNNERS = [
  {
    runner: 'Vitest',
    command: 'npx vitest run orders.test.mjs',
    passed: /Tests +17 passed \(17\)/,
    failed: /× refuses every hostile token/,
  },
  {
    runner: 'node:test',
    command: 'node --test --test-reporter=tap main.test.mjs',
    passed: /^# pass 70$/m,
    failed: /^not ok \d+ - a token signed by a stranger under the kid of the key is refused$/m,
  },
]
const PLAIN = { NO_COLOR: '1' }
/** Shows everybody what they want. */
const CREDULOUS = `
import { createServer } from 'node:http'
export const orders = () => createServer((request, response) => {
  const [, payload = ''] = request.headers.authorization.split('.')
  response.end('orders of ' + JSON.parse(Buffer.from(payload, 'base64url')).sub)
})`

describe('tests of a service as documented (R46, R66)', () => {
  it.each(RUNNERS)(
    'run under $runner, and pass for a service that is guarded',
    async ({ command, passed }) => {
      expect((await shell(command, PLAIN, folder)).stdout).toMatch(passed)
    },
  )

  it.each(RUNNERS)('find out a service that is not, under $runner', async ({ command, failed }) => {
    await writeFile(join(folder, 'orders.mjs'), CREDULOUS)
    const { code, stdout } = await shell(command, PLAIN, folder).catch((error) => error)
    expect([code, stdout]).toEqual([1, expect.stringMatching(failed)])
  })

  it('try a service against an authority whose private key nobody has', async () => {
    await writeFile(join(folder, 'authority.mjs'), page.block('authority'))
    const issuer = await testIssuer({ algorithm: 'RS256' })
    const { env, close } = await issuer.listen()
    const TOKEN = await issuer.token()
    const { stdout } = await shell('node authority.mjs', { ...env, TOKEN }, folder)
    await close()
    const lines = stdout.trim().split('\n')
    expect(lines).toContain(
      'refused: a token signed by a stranger under the kid of the key (signature_invalid)',
    )
    expect(lines.length).toBeGreaterThan(30)
    expect(lines.filter((line) => !line.startsWith('refused: '))).toEqual([])
  })

  it('hold a service to a root key, and read the metadata', async () => {
    const script = page.block('root-key')
    await writeFile(join(folder, 'root-key.mjs'), script)
    const { stdout } = await shell('node root-key.mjs', {}, folder)
    const told = [...script.matchAll(/console\.log\(.*\) \/\/ (.*)/g)].map(([, line]) => line)
    expect(told).toHaveLength(3)
    expect(stdout.trim().split('\n')).toEqual(told)
  })

  it('are told of every fault', () => {
    const [, table = ''] = page.text.split('| --- | --- | --- |\n')
    const rows = table.split('\n\n')[0]?.split('\n') ?? []
    expect(rows.map((row) => /^\| `(\w+)` \|/.exec(row)?.[1])).toEqual(ENDPOINT_FAULTS)
  })
})
