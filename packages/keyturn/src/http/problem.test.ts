import { KeyturnError } from '@keyturn/core'
import { describe, expect, it } from 'vitest'
import { problemOf } from './problem.ts'

const problem = (code: string) =>
  problemOf(new KeyturnError(code, 'what is wrong', { remedy: 'do this' }), 'x/y')

describe('what an error of ours is over HTTP (R13, R75)', () => {
  it.each([
    ['ring_held', 503, 'what is wrong: do this'],
    ['import_too_late', 409, 'what is wrong: do this'],
    ['algorithm_ambiguous', 400, 'what is wrong: do this'],
    ['ttl_too_long', 400, 'what is wrong'],
    ['key_not_found', 404, 'what is wrong'],
    ['state_failed', 503, 'something went wrong here; the log says what'],
    ['never_heard_of', 500, 'something went wrong here; the log says what'],
  ])('%s is %i, and says no more than it may', (code, status, detail) => {
    expect(problem(code)).toEqual({ status, code: status === 500 ? 'internal_error' : code, detail })
  })

  it('needs no remedy', () => {
    expect(problemOf(new KeyturnError('ring_held', 'it is held'), 'x/y').detail).toBe('it is held')
  })
})
