import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseIJsonObject } from './json.ts'

const parse = (text: string, depth = 64) => parseIJsonObject(Buffer.from(text), depth)
const isIJson = (value: unknown) => !/"__proto__"|\\ud[89a-f]/i.test(JSON.stringify(value))

describe('JSON that is signed as it was sent: I-JSON, RFC 7493 (R48, R53)', () => {
  it('agrees with JSON.parse on objects that repeat no member', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 5 })), (value) => {
        fc.pre(isIJson(value))
        const text = JSON.stringify(value)
        expect(parse(text)).toEqual(JSON.parse(text))
      }),
    )
  })

  it.each([
    ['a member twice', '{"a":1,"a":1}'],
    ['a member twice below', '{"c":{"a":1,"a":1}}'],
    ['a member twice in an array', '{"c":[{"a":1,"a":2}]}'],
    ['a member twice below, once escaped', '{"c":{"a":1,"\\u0061":2}}'],
    ['a member twice, the first with members of its own', '{"c":{"a":{"x":1,"y":2},"a":1}}'],
    ['a prototype below', '{"c":{"__proto__":{}}}'],
    ['a prototype in an array', '{"c":[{"__proto__":1}]}'],
    ['a high surrogate alone', '{"a":"\\ud83d"}'],
    ['a low surrogate alone', '{"a":["\\ude00x"]}'],
    ['a surrogate alone in a name', '{"c":{"\\ud800":1}}'],
    ['a pair the wrong way round', '{"a":"\\ude00\\ud83d"}'],
    ['a number that no double holds', '{"a":1e999}'],
    ['such a number below', '{"a":[-1e999]}'],
    ['an integer that a double rounds', '{"a":9007199254740993}'],
    ['a longer one below', '{"a":[{"b":1234567890123456789}]}'],
    ['a negative one', '{"a":-9007199254740993}'],
    ['a fraction that a double rounds', '{"a":0.1000000000000000001}'],
    ['a number that becomes nothing', '{"a":1e-400}'],
    ['an array', '[]'],
    ['no JSON', '{'],
    ['a byte order mark', '\ufeff{}'],
  ])('refuses %s', (_, text) => {
    expect(parse(text)).toBeUndefined()
  })

  it.each([
    ['one name at several levels', '{"a":{"a":[{"a":1},{"a":1}]}}'],
    ['colons in strings', '{"a:b":":{\\"a\\":1}"}'],
    ['a pair of surrogates', '{"a":"\\ud83d\\ude00"}'],
    ['nothing', '{}'],
    [
      'numbers that a double holds, however written',
      '{"a":[0,-0,-0.0,1.0,1e2,1E+2,100e-2,0.1,1e300,5e-324,-12.50,1e-3,0.00000012,1002e2]}',
    ],
    ['the largest integers that are exact', '{"a":[9007199254740991,9007199254740992,-9007199254740991]}'],
    ['digits in strings', '{"9007199254740993":"\\"9007199254740993"}'],
  ])('takes %s', (_, text) => {
    expect(parse(text)).toEqual(JSON.parse(text))
  })

  it('refuses bytes that are no UTF-8', () => {
    const bytes = Buffer.concat([Buffer.from('{"a":"'), Buffer.of(0xff), Buffer.from('"}')])
    expect(parseIJsonObject(bytes, 4)).toBeUndefined()
  })

  it('stops at the bound of depth before it looks closer', () => {
    expect(parse(`{"a":${'['.repeat(3)}${']'.repeat(3)}}`, 4)).toBeDefined()
    expect(parse(`{"a":${'['.repeat(4)}${']'.repeat(4)}}`, 4)).toBeUndefined()
    expect(parse(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 4)).toBeUndefined()
  })
})
