import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deepFreeze, isJsonObject, isStringArray, parseJsonObject } from './json.ts'

const parse = (text: string | Uint8Array, depth = 4) => parseJsonObject(Buffer.from(text as string), depth)
const escaped = (name: string) =>
  `"${Array.from(name.split(''), (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`
const nested = (depth: number) => `${'{"a":'.repeat(depth - 1)}{}${'}'.repeat(depth - 1)}`

describe('JSON objects from outside (R42)', () => {
  it('agrees with JSON.parse on objects that repeat no member', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 5 })), (value) => {
        fc.pre(!Object.hasOwn(value, '__proto__'))
        const text = JSON.stringify(value)
        expect(parse(text, 64)).toEqual(JSON.parse(text))
      }),
    )
  })

  it('refuses whichever member is repeated, however it is spelled', () => {
    const members = fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(members, fc.nat(), fc.boolean(), (names, at, isEscaped) => {
        const again = names[at % names.length] as string
        const written = names.map((name) => `${JSON.stringify(name)}:{"x":":\\""}`)
        const repeated = `${isEscaped ? escaped(again) : JSON.stringify(again)}:1`
        expect(parse(`{${[...written, repeated].join(',')}}`)).toBeUndefined()
      }),
    )
  })

  it.each([
    ['nothing', ''],
    ['an array', '[]'],
    ['null', 'null'],
    ['a number', '1'],
    ['a string', '"{}"'],
    ['two objects', '{}{}'],
    ['a comment', '{}//'],
    ['a trailing comma', '{"a":1,}'],
    ['a bare word', '{a:1}'],
    ['a single quote', "{'a':1}"],
    ['NaN', '{"a":NaN}'],
    ['a leading zero', '{"a":01}'],
    ['a hexadecimal number', '{"a":0x1}'],
    ['a raw newline in a string', '{"a":"\n"}'],
    ['a NUL at the end', '{}\0'],
    ['a byte order mark', '\ufeff{}'],
    ['a no-break space', '\u00a0{}'],
    ['__proto__', '{"__proto__":{"iss":"x"}}'],
    ['__proto__ spelled with an escape', '{"\\u005f_proto__":null}'],
    ['__proto__ twice', '{"__proto__":1,"__proto__":2}'],
    ['a member twice', '{"a":1,"a":1}'],
    ['a member twice, once escaped', '{"a":1,"\\u0061":1}'],
    ['an empty name twice', '{"":1,"":1}'],
    ['an index twice', '{"1":1,"a":1,"1":1}'],
    ['a member twice around a tricky string', '{"a":"\\\\\\"}:{","a":1}'],
  ])('refuses %s', (_, text) => {
    expect(parse(text)).toBeUndefined()
  })

  it.each([
    ['an overlong slash', [0xc0, 0xaf]],
    ['a surrogate half', [0xed, 0xa0, 0x80]],
    ['a lone continuation', [0x80]],
    ['a cut sequence', [0xe2, 0x82]],
    ['beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['Latin-1', [0xe9]],
  ])('refuses bytes that are no UTF-8: %s', (_, bytes) => {
    const text = Buffer.concat([Buffer.from('{"a":"'), Buffer.from(bytes), Buffer.from('"}')])
    expect(parseJsonObject(text, 4)).toBeUndefined()
  })

  it('refuses UTF-16', () => {
    expect(parse(Buffer.from('{"a":1}', 'utf16le'))).toBeUndefined()
  })

  it('takes colons, braces and quotes in strings for what they are', () => {
    expect(parse('{"a:b":"c:{[\\"", "d\\\\":{"e":1,"e:":[":"]}}')).toEqual({
      'a:b': 'c:{["',
      'd\\': { e: 1, 'e:': [':'] },
    })
  })

  it('counts depth in objects and in arrays, and stops at the bound', () => {
    expect(parse(nested(4), 4)).toBeDefined()
    expect(parse(nested(5), 4)).toBeUndefined()
    expect(parse('{"a":[[[]]],"b":[[[]]]}', 4)).toBeDefined()
    expect(parse('{"a":[[[[]]]]}', 4)).toBeUndefined()
  })

  it.each(['[', '{"a":'])('survives 100,000 levels of %j', (open) => {
    const text = open.repeat(100_000)
    const close = open === '[' ? ']' : '}'
    expect(parse(text)).toBeUndefined()
    expect(parse(`{"a":${text}1${close.repeat(100_000)}}`)).toBeUndefined()
  })

  it('gives an ordinary object, with the methods that callers know of it', () => {
    expect(Object.getPrototypeOf(parse('{"a":1}'))).toBe(Object.prototype)
  })

  it('gives no member that was put into every object of the process', () => {
    Object.assign(Object.prototype, { iss: 'x' })
    try {
      expect(parse('{"a":1}')?.iss).toBeUndefined()
      expect(parse('{"a":1}')?.a).toBe(1)
    } finally {
      Reflect.deleteProperty(Object.prototype, 'iss')
    }
  })

  it('leaves every prototype alone when __proto__ hides below the top', () => {
    const value = parse('{"a":{"__proto__":{"admin":true}}}')
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
    expect(value).not.toHaveProperty('a.admin')
  })
})

describe('deepFreeze (R42)', () => {
  it('freezes everything that a value holds, and hands it back', () => {
    const isFrozen = (value: unknown): boolean =>
      typeof value !== 'object' ||
      value === null ||
      (Object.isFrozen(value) && Object.values(value).every(isFrozen))
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(deepFreeze(value)).toBe(value)
        expect(isFrozen(value)).toBe(true)
      }),
    )
  })
})

describe('shapes', () => {
  it('tells objects from arrays and null', () => {
    expect([{}, [], null, 'a', 1, undefined].map(isJsonObject)).toEqual([true, ...Array(5).fill(false)])
  })
  it('tells arrays of strings from other lists', () => {
    expect([[], ['a'], ['a', 1], [['a']], 'a', { 0: 'a', length: 1 }].map(isStringArray)).toEqual([
      true,
      true,
      ...Array(4).fill(false),
    ])
  })
})
