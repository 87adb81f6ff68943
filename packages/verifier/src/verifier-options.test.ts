import { describe, expect, it } from 'vitest'
import { createVerifier } from './verifier.ts'

const required = { issuer: 'https://auth.example', audience: 'orders' }
const refusal = (options: object) => {
  try {
    createVerifier({ ...required, ...options })
  } catch (error) {
    return error
  }
  return undefined
}

describe('options of a verifier (R34)', () => {
  it.each([
    ['jwksURL', 'jwksUrl'],
    ['algorithm', 'algorithms'],
    ['Audience', 'audience'],
    ['clockToleranceSecond', 'clockToleranceSeconds'],
    ['maxAgeSecs', undefined],
    ['toString', undefined],
    ['clockTolerance', undefined],
  ])('have no %s, which may be meant for %s and would not be heeded', (name, meant) => {
    expect(refusal({ [name]: undefined })).toMatchObject({
      code: 'verifier_options_invalid',
      message: `"${name}" is no option of a verifier`,
      remedy: meant === undefined ? 'leave it out' : `did you mean ${meant}?`,
    })
  })

  it.each([
    ...['x', 5, {}, null].flatMap((value) => ['onEvent', 'fetch', 'random'].map((name) => [name, value])),
    ...['yes', 1, null].flatMap((value) =>
      ['allowForeignKids', 'unsafeAllowHttp'].map((name) => [name, value]),
    ),
    ...[5, null, ['x']].flatMap((value) => ['jwksUrl', 'ca'].map((name) => [name, value])),
    ...['60', null, Number.NaN].flatMap((value) =>
      ['minCacheSeconds', 'timeoutSeconds'].map((name) => [name, value]),
    ),
    ...['x', null, Date.now].map((value) => ['clock', value]),
  ] as [string, unknown][])('have no %s that is %j', (name, value) => {
    expect(refusal({ [name]: value })).toMatchObject({
      code: 'verifier_options_invalid',
      message: expect.stringContaining(`${name}: expected`),
    })
  })

  it('have no check that is no function, which would fail at each token', () => {
    expect(refusal({ check: 'x' })).toMatchObject({ code: 'expectations_invalid' })
  })

  it('may be left undefined', () => {
    expect(refusal({ jwksUrl: undefined, onEvent: undefined, check: undefined })).toBeUndefined()
  })
})
