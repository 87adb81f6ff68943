import { describe, expect, it } from 'vitest'
import { isSameAddress } from './listen-address.ts'

describe('addresses of listeners (R54)', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1', true],
    ['Auth.internal', 'auth.internal', true],
    ['0.0.0.0', '127.0.0.1', true],
    ['10.0.0.1', '::', true],
    ['localhost', '127.0.0.1', true],
    ['::1', 'localhost', true],
    ['127.0.0.1', '::1', false],
    ['127.0.0.1', '127.0.0.2', false],
    ['10.0.0.1', 'localhost', false],
  ])('knows whether %s and %s would collide on one port', (one, other, expected) => {
    const at = (host: string, port: number) => ({ host, port })
    expect(isSameAddress(at(one, 9001), at(other, 9001))).toBe(expected)
    expect(isSameAddress(at(one, 9001), at(other, 9002))).toBe(false)
    expect(isSameAddress(at(one, 0), at(other, 0))).toBe(false)
  })
})
