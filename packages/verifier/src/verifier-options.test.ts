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

  it('may be left undefined', () => {
    expect(refusal({ jwksUrl: undefined, onEvent: undefined, check: undefined })).toBeUndefined()
  })
})
