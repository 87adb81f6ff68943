import { describe, expect, it } from 'vitest'
import { accept, checkerWith, ISSUER, issue, outcomeOf } from './issuer.fixture.ts'
import { TokenChecker } from './token.ts'

/** What a caller without types, or with settings read from the environment, may pass. */
const outcome = (option: string, value: unknown) =>
  outcomeOf(() => new TokenChecker({ issuer: ISSUER, audience: 'orders', [option]: value } as never))

describe('expectations of a TokenChecker (R33, R42)', () => {
  it.each([
    ...[undefined, null, '', 1, [ISSUER]].map((value) => ['issuer', value]),
    ...[undefined, '', [], [''], ['orders', ''], 1, [null], {}].map((value) => ['audience', value]),
    ...[[], ['none'], ['HS256'], ['rs256'], ['RS256', 'HS256'], 'RS256', null].map((value) => [
      'algorithms',
      value,
    ]),
    ...['', 1, ['at+jwt']].map((value) => ['typ', value]),
    ...['sub', [''], [1], null].map((value) => ['requiredClaims', value]),
    ...[-1, 61, Number.NaN, Number.POSITIVE_INFINITY, '5', '', null, [5]].map((value) => [
      'clockToleranceSeconds',
      value,
    ]),
    ...[0, -1, Number.NaN, '60', null].flatMap((value) => [
      ['maxAgeSeconds', value],
      ['maxLifetimeSeconds', value],
    ]),
    ...['x', true, {}, null].map((value) => ['check', value]),
    ...[0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '8192'].map((value) => ['maxTokenLength', value]),
  ] as [string, unknown][])('refuse %s, by its name: %j', (option, value) => {
    expect(outcome(option, value)).toBe('expectations_invalid')
    expect(() => checkerWith({ [option]: value })).toThrow(`${option}: expected `)
  })

  it.each([
    ['audience', null],
    ['audience', ['orders', 'billing']],
    ['typ', null],
    ['requiredClaims', []],
    ['clockToleranceSeconds', 0],
    ['clockToleranceSeconds', 60],
    ['maxAgeSeconds', Number.POSITIVE_INFINITY],
    ['algorithms', undefined],
    ['typ', undefined],
    ['clockToleranceSeconds', undefined],
  ])('accept %s: %j', (option, value) => expect(outcome(option, value)).toBe('accepted'))

  it('say which algorithms there are', () => {
    expect(() => checkerWith({ algorithms: [] })).toThrow('a list of RS256, RS384, ')
  })

  it('mean the default where an option is undefined', () => {
    const checker = new TokenChecker({ issuer: ISSUER, audience: 'orders', typ: undefined } as never)
    const other = issue({ header: { typ: 'JWT' } })
    expect(outcomeOf(() => accept(other, { checker }))).toBe('header_typ_refused')
  })

  it('do not change with the lists that they were made from', () => {
    const audience = ['billing']
    const algorithms = ['RS256' as const, 'EdDSA' as const]
    const requiredClaims = ['sub']
    const checker = checkerWith({ audience, algorithms, requiredClaims })
    audience.push('orders')
    algorithms.pop()
    requiredClaims.push('tenant')
    expect(outcomeOf(() => accept(issue(), { checker }))).toBe('audience_mismatch')
    expect(outcomeOf(() => accept(issue({ claims: { aud: 'billing' } }), { checker }))).toBe('accepted')
  })
})
