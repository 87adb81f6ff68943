import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Scratch } from './scratch.ts'

const encode = (bytes: Uint8Array | string) => Buffer.from(bytes as string).toString('base64url')
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const strictly = (bytes: Uint8Array) => {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => new TextEncoder().encode(text)),
)

describe('memory that is written over (R42)', () => {
  it('gives what the last text stands for, whatever was there before', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(bytes, fc.boolean()), { maxLength: 8 }), (written) => {
        const scratch = new Scratch()
        for (const [one, isText] of written) {
          if (isText) expect(scratch.textOf(encode(one))).toBe(strictly(one))
          else expect(Buffer.from(scratch.bytesOf(encode(one)))).toEqual(Buffer.from(one))
        }
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['text of every kind', 'é €\u{1f600} {"a":1}\0'],
    ['a byte order mark, which is no white space', '\ufeff{}'],
    ['a replacement character that stands for itself', '\ufffd'],
  ])('reads %s', (_, text) => expect(new Scratch().textOf(encode(text))).toBe(text))

  it.each([
    ['a byte that is none', [0xff]],
    ['half a character', [0x41, 0xe2, 0x82]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['a form that is too long', [0xc0, 0xaf]],
  ])('reads no text out of what is no UTF-8: %s', (_, no) => {
    expect(new Scratch().textOf(encode(Uint8Array.from(no)))).toBeUndefined()
  })

  it('is made anew for a longer text only, and so is the view of it for another length', () => {
    const scratch = new Scratch()
    const views = ['AAAA', 'BBBB', 'AA', 'AAAAAAAA', 'AAAA'].map((text) => scratch.bytesOf(text))
    expect(views.map((view) => views.indexOf(view))).toEqual([0, 0, 2, 3, 4])
    const memories = views.map(({ buffer }) => buffer)
    expect(memories.map((memory) => memories.indexOf(memory))).toEqual([0, 0, 0, 3, 3])
  })
})
