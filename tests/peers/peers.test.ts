import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { type DocumentPage, readPage, root } from '../document.ts'
import { CONFIGURED_FAULTS } from './configured-faults.ts'
import type { Comparison } from './fault.ts'
import { KEY_SET_FAULTS } from './key-set-faults.ts'
import { TOKEN_FAULTS } from './token-faults.ts'

const FAULTS = [...KEY_SET_FAULTS, ...CONFIGURED_FAULTS, ...TOKEN_FAULTS]

let page: DocumentPage
beforeAll(async () => {
  page = await readPage('docs/peers.md')
})

/** What the page says came of each fault, by its name. */
function listed(): Map<string, Comparison> {
  const rows = [...page.text.matchAll(/^\| `([^`]+: [^`]+)` \|[^|]*\| ([^|]*) \| ([^|]*) \|$/gm)]
  return new Map(rows.map(([, name = '', peer = '', ours = '']) => [name, { peer, ours }]))
}

describe('faults of peers, and what we do in their place (R35, R36, R37, R41, R42)', () => {
  it.each(FAULTS)('$name', async ({ name, measure }) => {
    expect(await measure()).toEqual(listed().get(name))
  })

  it('are the rows of docs/peers.md', () => {
    expect([...listed().keys()].sort()).toEqual(FAULTS.map(({ name }) => name).sort())
  })

  it('that cannot be shown here are tests of ours, which the page names', async () => {
    const paths = [...page.text.matchAll(/`((?:packages|tests)\/[^`]+)`/g)].map(([, path = '']) => path)
    expect(paths.length).toBeGreaterThan(10)
    await Promise.all(paths.map((path) => access(join(root, path))))
  })
})
