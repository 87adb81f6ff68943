import { describe, expect, it } from 'vitest'
import { readAtMost } from './read-at-most.ts'

async function* inChunks(...chunks: readonly string[]) {
  for (const chunk of chunks) yield Buffer.from(chunk)
}

describe('what a command reads (R57)', () => {
  it('is all of it, in whatever chunks it comes', async () => {
    expect(String(await readAtMost(4, inChunks('a', 'bc', 'd')))).toBe('abcd')
    expect(String(await readAtMost(4, inChunks()))).toBe('')
  })

  it('is nothing of what is longer, and not all of what has no end', async () => {
    expect(await readAtMost(4, inChunks('abc', 'de'))).toBeUndefined()
    let given = 0
    const endless = async function* () {
      for (; given < 100; given++) yield Buffer.from('a')
    }
    expect(await readAtMost(4, endless())).toBeUndefined()
    expect(given).toBe(4)
  })
})
