import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Scratch } from './scratch.ts'

const encodings = ['base64url', 'latin1'] as const
const texts = fc.array(fc.tuple(fc.base64String(), fc.constantFrom(...encodings)), { maxLength: 8 })

describe('memory that is written over (R42)', () => {
  it('holds the bytes of the last text alone, whatever was there before', () => {
    fc.assert(
      fc.property(texts, (written) => {
        const scratch = new Scratch()
        for (const [text, encoding] of written) {
          expect(Buffer.from(scratch.write(text, encoding))).toEqual(Buffer.from(text, encoding))
        }
      }),
    )
  })

  it('is made anew for a longer text only', () => {
    const scratch = new Scratch()
    const memories = ['AAAA', 'AA', 'AAAAAAAA', 'AAAA'].map((text) => scratch.write(text, 'latin1').buffer)
    expect(memories.map((memory) => memories.indexOf(memory))).toEqual([0, 0, 2, 2])
  })
})
