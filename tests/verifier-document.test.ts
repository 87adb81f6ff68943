import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ListeningIssuer, testIssuer } from '@keyturn/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DocumentPage, readPage, root, shell } from './document.ts'

/** Below the root, so that the snippet finds the packages as a user's code does. */
const folder = join(root, 'node_modules/.cache/verifier')

let page: DocumentPage
let served: ListeningIssuer
beforeAll(async () => {
  page = await readPage('docs/verifier.md')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'service.mjs'), page.block('verifier'))
  served = await (await testIssuer()).listen()
})
afterAll(async () => {
  await served.close()
  await rm(folder, { recursive: true, force: true })
})

describe('a verifier as documented (R38, R66)', () => {
  it('starts again while the authority is down, by the snapshot of the process before', async () => {
    const script = `${page.block('snapshot')}\nnode service.mjs`
    const first = await shell(`${script}\necho "$KEYTURN_VERIFIER_SNAPSHOT_SECRET"`, served.env, folder)
    const [replaced, health, secret = ''] = first.stdout.trim().split('\n')
    expect(JSON.parse(String(replaced))).toMatchObject({ kind: 'keys-replaced' })
    expect(JSON.parse(String(health))).toMatchObject({ status: 'fresh', source: 'remote' })

    await served.close()
    const kept = {
      KEYTURN_VERIFIER_SNAPSHOT_FILE: './keys.snapshot',
      KEYTURN_VERIFIER_SNAPSHOT_SECRET: secret,
    }
    const second = await shell('node service.mjs', { ...served.env, ...kept }, folder)
    const [recalled, healthThen] = second.stdout.trim().split('\n')
    expect(JSON.parse(String(recalled))).toMatchObject({ kind: 'fallback-keys-used', source: 'snapshot' })
    expect(JSON.parse(String(healthThen))).toMatchObject({ status: 'fresh', source: 'snapshot' })
  })

  it('is one of several issuers (R44)', async () => {
    await writeFile(join(folder, 'issuers.mjs'), page.block('issuers'))
    const { stdout } = await shell('node issuers.mjs', {}, folder)
    expect(stdout.trim()).toBe('https://staff.example https://customers.example')
  })
})
