import { describe, expect, it } from 'vitest'
import { identifierProblem, issuerProblem, issuerWarnings } from './issuer.ts'

describe('issuers (R23, R54)', () => {
  it.each([
    'https://auth.example',
    'https://auth.example/',
    'https://Auth.Example:8443/tenants/a-b_c.d~e/',
    'http://localhost:80',
    'https://[::1]:9001',
    'https://10.0.0.7',
    'supermq.auth',
    'urn:example:auth',
    'spiffe://example/auth',
    'x',
    `https://auth.example/${'a'.repeat(234)}`,
  ])('may be %s', (issuer) => {
    expect(issuerProblem(issuer)).toBeUndefined()
  })

  it.each([
    ['user information', 'https://user@auth.example'],
    ['a password', 'https://user:pass@auth.example'],
    ['an empty user', 'https://@auth.example'],
    ['a query', 'https://auth.example/?a=b'],
    ['an empty query', 'https://auth.example?'],
    ['a fragment', 'https://auth.example/#a'],
    ['an empty fragment', 'https://auth.example#'],
    ['a parameter of the router', 'https://auth.example/:tenant'],
    ['a wildcard of the router', 'https://auth.example/*'],
    ['an expression of the router', 'https://auth.example/a(b)'],
    ['a percent escape', 'https://auth.example/a%2Fb'],
    ['a step up', 'https://auth.example/a/../b'],
    ['a step nowhere', 'https://auth.example/./b'],
    ['a port and no scheme', 'localhost:9001'],
    ['a port, a path and no scheme', 'auth.example:443/tenant'],
    ['a path and no scheme', 'auth.example/tenant'],
    ['slashes and no scheme', '//auth.example'],
    ['one slash', 'https:/auth.example'],
    ['no slash', 'https:auth.example'],
    ['three slashes', 'https:///auth.example'],
    ['no host', 'https://'],
    ['a port alone', 'https://:443'],
    ['an empty port', 'https://auth.example:'],
    ['a port that is none', 'https://auth.example:65536'],
    ['an address in short', 'http://127.1'],
    ['a backslash', 'https://auth.example\\a'],
    ['a space', 'https://auth.example/a b'],
    ['a space before', ' https://auth.example'],
    ['a tab within', 'https://auth.\texample'],
    ['a line break after', 'https://auth.example\n'],
    ['a NUL', 'https://auth.example\0'],
    ['a letter beyond ASCII', 'https://auth.exämple'],
    ['256 characters', `https://auth.example/${'a'.repeat(235)}`],
    ['a name with a space', 'super mq'],
    ['a name with a double quote', 'super"mq'],
    ['a name with a quote', "super'mq"],
    ['a name with a backslash', 'super\\mq'],
    ['a name with an escape', 'super\x1bmq'],
    ['a name with DEL', 'super\x7fmq'],
    ['a name of 256 characters', 'a'.repeat(256)],
  ])('may not have %s', (_, issuer) => {
    expect(issuerProblem(issuer)).toMatch(/^expected /)
  })
})

describe('audiences (R54)', () => {
  it('are names or URLs of any form, bounded and printable', () => {
    for (const good of ['orders', 'https://api.example/orders?v=1', 'a'.repeat(255)]) {
      expect(identifierProblem(good)).toBeUndefined()
    }
    for (const bad of ['', 'a b', 'a\n', 'ä', 'a"b', 'a'.repeat(256)]) {
      expect(identifierProblem(bad)).toMatch(/^expected 1 to 255 /)
    }
  })
})

describe('issuers that are used, and warned of (R32, R33)', () => {
  it.each(['http://auth.example', 'HTTP://10.0.0.7:9001/tenant'])('are over plain http: %s', (issuer) => {
    const [line, ...others] = issuerWarnings(issuer, '--issuer')
    expect(line).toMatch(/^--issuer: services refuse keys over plain http .*: take https/)
    expect(others).toEqual([])
  })

  it.each(['supermq.auth', 'urn:example:auth'])('are no URLs: %s', (issuer) => {
    expect(issuerWarnings(issuer, '--issuer')).toEqual([
      '--issuer: no URL: there is no metadata, and each service has to be given the URL of the key set',
    ])
  })

  it.each(['https://auth.example', 'http://localhost:9001', 'http://127.0.0.1:1', 'http://[::1]'])(
    'are not %s',
    (issuer) => expect(issuerWarnings(issuer, '--issuer')).toEqual([]),
  )
})
