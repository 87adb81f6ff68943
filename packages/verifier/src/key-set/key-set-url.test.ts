import { describe, expect, it } from 'vitest'
import { parseKeySetUrl } from './key-set-url.ts'

const parse = (text: string, unsafeAllowHttp = false) => parseKeySetUrl(text, { unsafeAllowHttp }).href

describe('JWKSAuthentication: URL of the key set (R33)', () => {
  it.each([
    ['https://auth.example/jwks.json', 'https://auth.example/jwks.json'],
    ['https://auth.example:8443/jwks?tenant=1#keys', 'https://auth.example:8443/jwks?tenant=1'],
    ['http://localhost:9001/jwks', 'http://localhost:9001/jwks'],
    ['http://127.0.0.1/jwks', 'http://127.0.0.1/jwks'],
    ['http://127.8.9.10/jwks', 'http://127.8.9.10/jwks'],
    ['http://2130706433/jwks', 'http://127.0.0.1/jwks'],
    ['http://[::1]:9001/jwks', 'http://[::1]:9001/jwks'],
  ])('takes %s', (text, href) => {
    expect(parse(text)).toBe(href)
  })

  it.each([
    'http://auth.example/jwks',
    'http://localhost.evil.example/jwks',
    'http://127.0.0.1.evil.example/jwks',
    'http://0.0.0.0/jwks',
    'http://[::]/jwks',
    'http://[::ffff:10.0.0.1]/jwks',
    'http://localhost@evil.example/jwks',
    'https://user:secret@auth.example/jwks',
    'https://user@auth.example/jwks',
    'https://:secret@auth.example/jwks',
    'https://user:/secret@auth.example/jwks',
    'https://user:12/secret@auth.example/jwks',
    'file:///etc/passwd',
    'data:application/json,{}',
    'ftp://localhost/jwks',
    '/jwks',
    '',
  ])('refuses %j, and says what was expected', (text) => {
    const message = expect.stringMatching(/^jwksUrl: expected \S/)
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'jwks_url_invalid', message }))
  })

  it('takes plain http from another machine only when that is said aloud', () => {
    expect(parse('http://auth.internal/jwks', true)).toBe('http://auth.internal/jwks')
    expect(() => parse('ftp://auth.internal/jwks', true)).toThrow()
    expect(() => parse('http://user:secret@auth.internal/jwks', true)).toThrow()
  })

  it('keeps a password out of the message', () => {
    for (const password of ['secret', '/secret', '12?secret', '#secret']) {
      expect(() => parse(`https://user:${password}@auth.example/jwks`)).toThrow(/^(?!.*secret)/)
    }
  })
})
