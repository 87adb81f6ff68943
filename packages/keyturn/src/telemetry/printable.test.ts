import { describe, expect, it } from 'vitest'
import { printable } from './printable.ts'

describe('what reaches a terminal (R57, R75)', () => {
  it.each([
    ['an escape', '\x1b[2J', '\\u001b[2J'],
    ['one of eight bits', '\x9b2J', '\\u009b2J'],
    ['DEL', '\x7f', '\\u007f'],
    ['a carriage return', 'a\rb', 'a\\u000db'],
    ['a mark that turns the line round', 'a\u202eb', 'a\\u202eb'],
    ['a space that is none', 'a\u200bb', 'a\\u200bb'],
    ['a separator of lines', 'a\u2028b', 'a\\u2028b'],
    ['half a character', 'a\ud83d', 'a\\ud83d'],
    ['a tag beyond the first plane', '\u{e0041}', '\\udb40\\udc41'],
  ])('is never %s', (_, text, expected) => {
    expect(printable(text)).toBe(expected)
  })

  it('is left alone where a person can read it', () => {
    for (const text of ['plain', 'two\nlines', 'Zoë 漢字 😀', '{"a":"\\u001b"}', '  wide']) {
      expect(printable(text)).toBe(text)
    }
  })

  it('is the same JSON as before', () => {
    const value = { a: '\x7f\x9b\u202e\ud83d', '\u200b': [1] }
    expect(JSON.parse(printable(JSON.stringify(value)))).toEqual(value)
  })
})
