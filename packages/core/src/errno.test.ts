import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { errnoOf } from './errno.ts'

describe('the errno of an error', () => {
  it('is what the system calls it', () => {
    try {
      readFileSync('/nowhere/at/all')
      expect.fail('read what is not there')
    } catch (error) {
      expect(errnoOf(error)).toBe('ENOENT')
    }
  })

  it.each([undefined, null, 'ENOENT', new Error('ENOENT'), { code: 20 }])(
    'is unknown for %j, which no system call threw',
    (error) => {
      expect(errnoOf(error)).toBe('unknown error')
    },
  )
})
