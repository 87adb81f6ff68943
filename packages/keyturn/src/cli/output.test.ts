import { describe, expect, it } from 'vitest'
import { table } from './output.ts'

describe('what commands print (R57)', () => {
  it('stands in columns', () => {
    expect(
      table([
        ['A', 'B'],
        ['long', ''],
      ]),
    ).toBe('A     B\nlong')
  })
})
