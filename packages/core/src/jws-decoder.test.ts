import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CompactJws, isPart } from './jws.ts'
import { JwsDecoder } from './jws-decoder.ts'

const jwsOf = (payload: string, signature: string, header = 'QUJD'): CompactJws => {
  return { header, payload, signature, signingInput: `${header}.${payload}` }
}
/** Base64url mostly, so that many of them are the one spelling of something. */
const part = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('base64url')),
  fc.string({ unit: fc.constantFrom(...'ABQRgw-_.=+/ \n\0ÐＡ\ud800'), maxLength: 12 }),
)
const jws = fc.tuple(part, part).map(([payload, signature]) => jwsOf(payload, signature))
const bytesOf = (text: string) => Buffer.from(text, 'base64url')
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const textOf = (payload: string) => {
  try {
    return utf8.decode(bytesOf(payload))
  } catch {
    return undefined
  }
}
/** Copied, since the next call writes over it. */
const decodedBy = (decoder: JwsDecoder, token: CompactJws) => {
  const decoded = decoder.decode(token)
  return decoded && { text: decoded.text, signature: Buffer.from(decoded.signature) }
}

describe('decoding one token after the other (R42)', () => {
  it('gives the bytes of each part, and of no token before; nothing where a part is not the one spelling of some bytes', () => {
    fc.assert(
      fc.property(fc.array(jws, { maxLength: 6 }), (tokens) => {
        const decoder = new JwsDecoder()
        for (const token of tokens) {
          const { payload, signature } = token
          const expected = { text: textOf(payload), signature: bytesOf(signature) }
          const isCompact = isPart(payload) && isPart(signature)
          expect(decodedBy(decoder, token)).toEqual(isCompact ? expected : undefined)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('decodes the same token once, and again when another one was there meanwhile, good or not', () => {
    const decoder = new JwsDecoder()
    const one = jwsOf('QUFB', 'QUFB')
    const decoded = decoder.decode(one)
    expect(decoder.decode(one)).toBe(decoded)
    for (const other of [jwsOf('QkJC', 'QkJC'), jwsOf('Q0ND', '!'), jwsOf('!', 'RERE')]) {
      decoder.decode(other)
      expect(decodedBy(decoder, one)).toEqual({ text: 'AAA', signature: bytesOf('QUFB') })
    }
  })

  it.each([
    ['text of every kind', 'é €\ud83d\ude00 {"a":1}\u0000', undefined],
    ['a byte order mark, which is no white space', '\ufeff{}', undefined],
    ['a replacement character that stands for itself', '\ufffd', undefined],
    ['nothing of a byte that is no UTF-8', undefined, [0xff]],
    ['nothing of half a character', undefined, [0x41, 0xe2, 0x82]],
    ['nothing of a surrogate', undefined, [0xed, 0xa0, 0x80]],
    ['nothing of a form that is too long', undefined, [0xc0, 0xaf]],
  ])('reads %s', (_, text, bytes) => {
    const payload = Buffer.from(bytes ?? Buffer.from(text ?? '')).toString('base64url')
    expect(new JwsDecoder().decode(jwsOf(payload, 'QUFB'))?.text).toBe(text)
  })

  it('takes new memory for a longer token only', () => {
    const decoder = new JwsDecoder()
    const lengths = [8, 4, 16, 8].map((length) => jwsOf('A'.repeat(length), 'A'.repeat(length)))
    const memories = lengths.map((token) => decoder.decode(token)?.signature.buffer)
    expect(memories.map((memory) => memories.indexOf(memory))).toEqual([0, 0, 2, 2])
  })
})
