import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, it } from 'vitest'
import { outcomeOf } from './issuer.fixture.ts'
import { ownOptions } from './own-options.ts'

const own = <Options extends object>(options: Options) => ownOptions(options, 'options_invalid')
const polluted: { jwksUrl?: unknown } = Object.prototype
afterEach(() => {
  delete polluted.jwksUrl
})

describe('options (R33, R42)', () => {
  it('are what they were when they were given, each read once', () => {
    let reads = 0
    const given = {
      issuer: 'a',
      get audience() {
        return `b${reads++}`
      },
    }
    const options = own(given)
    given.issuer = 'c'
    expect([options.issuer, options.audience, options.audience]).toEqual(['a', 'b0', 'b0'])
  })

  it('are none that was put into every object of the process', () => {
    polluted.jwksUrl = 'https://elsewhere.example'
    expect(own({} as typeof polluted).jwksUrl).toBeUndefined()
  })

  it.each([
    [
      'inherits from a class',
      new (class {
        check = () => true
      })(),
    ],
    ['inherits from another', Object.create({ check: () => true })],
    ['is an array', []],
    ['is a function', () => {}],
    ['is nothing', undefined as unknown as object],
    ['is null', null as unknown as object],
  ])('are refused as what %s', (_, options) => {
    expect(outcomeOf(() => own(options))).toBe('options_invalid')
  })

  it.each([
    ['has no prototype', Object.assign(Object.create(null), { a: 1 })],
    ['is of another realm', runInNewContext('({ a: 1 })')],
  ])('may be what %s', (_, options) => {
    expect({ ...own(options) }).toEqual({ a: 1 })
  })
})
