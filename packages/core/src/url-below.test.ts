import { describe, expect, it } from 'vitest'
import { urlBelow } from './url-below.ts'

describe('URLs below an issuer (R23)', () => {
  it.each([
    ['https://auth.example', 'https://auth.example/v1'],
    ['https://auth.example/', 'https://auth.example/v1'],
    ['https://auth.example/tenant//', 'https://auth.example/tenant/v1'],
    ['/', '/v1'],
  ])('have one slash behind %s', (issuer, expected) => {
    expect(urlBelow(issuer, '/v1')).toBe(expected)
  })
})
