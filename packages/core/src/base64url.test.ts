import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeBase64url, encodeBase64url, hasCanonicalEnd, isCanonicalBase64url } from './base64url.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const bytes = fc.uint8Array({ minLength: 1, maxLength: 48 })

/** Texts that a lenient decoder, such as Node's, takes for the same bytes. */
function otherSpellings(text: string): string[] {
  const lastCharacters = [...ALPHABET].map((character) => text.slice(0, -1) + character)
  const standard = text.replaceAll('-', '+').replaceAll('_', '/')
  return [...lastCharacters, standard, `${text}=`, `${text}==`, `${text}A`, ` ${text}`, `${text}\n`]
}

describe('base64url (R42, RFC 7515 section 2)', () => {
  it('decodes what it encodes', () => {
    fc.assert(
      fc.property(bytes, (value) => {
        expect(decodeBase64url(encodeBase64url(value))).toEqual(Buffer.from(value))
      }),
    )
  })

  it('knows exactly one spelling of any bytes', () => {
    fc.assert(
      fc.property(bytes, (value) => {
        const text = encodeBase64url(value)
        const accepted = otherSpellings(text).filter((spelling) =>
          decodeBase64url(spelling)?.equals(Buffer.from(value)),
        )
        expect(new Set(accepted)).toEqual(new Set([text]))
      }),
    )
  })

  it('takes a text if and only if encoding its bytes gives it back', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...ALPHABET, '=', '+', '/', '.', ' ') }), (text) => {
        expect(isCanonicalBase64url(text)).toBe(Buffer.from(text, 'base64url').toString('base64url') === text)
      }),
    )
  })

  it('accepts one in 16 and one in 4 of the last characters that a length leaves open', () => {
    const open = (prefix: string) => [...ALPHABET].filter((last) => hasCanonicalEnd(prefix + last)).length
    expect([open('A'), open('AA'), open('AAA'), open('AAAA'), open('')]).toEqual([4, 16, 64, 0, 0])
  })

  it.each([
    ['padding', 'QQ=='],
    ['the standard alphabet', '-_+/'],
    ['a length of 1 modulo 4', 'AAAAA'],
    ['one character', 'A'],
    ['unused bits after one byte', 'QR'],
    ['unused bits after two bytes', 'QUJ'],
    ['white space', 'QU JD'],
    ['a newline at the end', 'QUJD\n'],
    ['a NUL', 'QUJD\0'],
    ['a letter beyond ASCII', 'QUJÐ'],
    ['a full-width letter', 'QUJＤ'],
  ])('refuses %s', (_, text) => {
    expect(isCanonicalBase64url(text)).toBe(false)
    expect(decodeBase64url(text)).toBeUndefined()
  })

  it('encodes text as UTF-8, and nothing as nothing', () => {
    expect(encodeBase64url('é')).toBe('w6k')
    expect(encodeBase64url(new Uint8Array())).toBe('')
    expect(decodeBase64url('')).toEqual(Buffer.alloc(0))
  })
})
