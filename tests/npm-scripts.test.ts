import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'

const read = (path: string) => readFile(new URL(`../${path}`, import.meta.url), 'utf8')

/** Reads sources only, and so needs nothing that is installed. */
const NEEDS_NOTHING = ['trace']

describe('npm scripts (R66)', () => {
  it('work on a fresh clone: each installs what is missing before it goes on', async () => {
    const { scripts } = JSON.parse(await read('package.json')) as { scripts: Record<string, string> }
    for (const [name, command] of Object.entries(scripts)) {
      const file = /^(?:exec )?node (scripts\/[\w-]+\.mjs)$/.exec(command)?.[1]
      expect(file, `npm run ${name}`).toBeDefined()
      if (NEEDS_NOTHING.includes(name)) continue
      expect(await read(file ?? ''), `npm run ${name}`).toMatch(/\n\nawait install\(\)\n/)
    }
  })
})
