import { describe, expect, it } from 'vitest'
import { isLoopback } from './loopback.ts'

describe('this machine for itself (R54)', () => {
  it.each(['127.0.0.1', '127.8.8.8', '127.255.255.255', 'localhost', '::1', '[::1]'])('is %s', (host) => {
    expect(isLoopback(host)).toBe(true)
  })

  it.each([
    '0.0.0.0',
    '::',
    '127.0.0.1.evil.example',
    'evil.127.0.0.1',
    '127.0.0.256',
    '127.1',
    '10.0.0.1',
    'localhost.evil.example',
    '',
  ])('is not %j', (host) => {
    expect(isLoopback(host)).toBe(false)
  })
})
