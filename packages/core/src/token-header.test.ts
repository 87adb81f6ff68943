import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeBase64url } from './base64url.ts'
import { accept, checkerWith, issue, outcomeOf, SIGNERS, signLiterally } from './issuer.fixture.ts'
import type { JsonObject } from './json.ts'
import type { TokenExpectations } from './token-expectations.ts'

const { jwk } = SIGNERS.EdDSA
const HEADER = { alg: 'EdDSA', kid: jwk.kid, typ: 'at+jwt' }
const outcome = (token: unknown, expectations: Partial<TokenExpectations> = {}) =>
  outcomeOf(() => accept(token, { checker: checkerWith(expectations) }))
/** Well signed, so that only the header can be at fault. */
const withHeader = (header: JsonObject, expectations = {}) => outcome(issue({ header }), expectations)
const literally = (header: string | Uint8Array) => outcome(signLiterally(SIGNERS.EdDSA, header))

describe('token header (R42, RFC 8725)', () => {
  it.each([
    ['text', 'header'],
    ['an array', JSON.stringify([HEADER])],
    ['null', 'null'],
    ['a quoted object', JSON.stringify(JSON.stringify(HEADER))],
    ['a byte order mark', `\ufeff${JSON.stringify(HEADER)}`],
    ['alg twice', JSON.stringify(HEADER).replace('{', '{"alg":"none",')],
    ['kid twice, once escaped', JSON.stringify(HEADER).replace('}', ',"\\u006bid":"other"}')],
    ['__proto__', JSON.stringify(HEADER).replace('{', '{"__proto__":{"crit":[]},')],
    [
      'alg in __proto__ alone',
      JSON.stringify({ kid: jwk.kid }).replace('{', '{"__proto__":{"alg":"EdDSA"},'),
    ],
    ['a second object', `${JSON.stringify(HEADER)}{}`],
    ['five levels', JSON.stringify({ ...HEADER, jwk: { a: { b: { c: {} } } } })],
    ['thousands of levels', `{"a":${'['.repeat(2500)}${']'.repeat(2500)}}`],
    ['a NUL after it', `${JSON.stringify(HEADER)}\0`],
    ['UTF-16', Buffer.from(JSON.stringify(HEADER), 'utf16le')],
    ['no UTF-8', Buffer.concat([Buffer.from('{"typ":"'), Buffer.from([0xc0, 0x80]), Buffer.from('"}')])],
  ])('refuses %s', (_, header) => expect(literally(header)).toBe('header_malformed'))

  it('accepts white space and any order of members: one text is one token all the same', () => {
    expect(literally(`{ "typ" : "at+jwt",\n"kid":"${jwk.kid}", "alg":"EdDSA" }`)).toBe('accepted')
  })

  it.each([
    ...[
      'none',
      'None',
      'NONE',
      'nOnE',
      'HS256',
      'HS384',
      'HS512',
      'RS1',
      'PS384 ',
      'ES521',
      'ES256K',
      'ESP256',
      'Ed448',
      'ed25519',
      'ml-dsa-44',
      'ML-DSA-66',
      'ML-DSA-44-ES256',
    ],
    ...['eddsa', 'EdDSA ', ' EdDSA', 'EdDSA\0', 'dir', 'RSA-OAEP', 'A128KW', '', 'constructor', '__proto__'],
    ...[null, undefined, 0, true, ['EdDSA'], { alg: 'EdDSA' }],
  ])('refuses alg %j', (alg) => expect(withHeader({ alg })).toBe('header_alg_refused'))

  it('refuses an algorithm that the caller did not list, however good the signature', () => {
    expect(outcome(issue(), { algorithms: ['RS256', 'ES256'] })).toBe('header_alg_refused')
    expect(outcome(issue(), { algorithms: ['EdDSA'] })).toBe('accepted')
  })

  it.each([undefined, null, '', 0, 1, true, [], [jwk.kid], {}, 'k'.repeat(257)])('refuses kid %j', (kid) => {
    expect(withHeader({ kid })).toBe('header_kid_refused')
  })

  it.each([
    `${jwk.kid}=`,
    `${jwk.kid} `,
    jwk.kid.toLowerCase(),
    '../../etc/passwd',
    "' or 1=1--",
    '__proto__',
    'k'.repeat(256),
  ])('knows no key by the kid %j', (kid) => expect(withHeader({ kid })).toBe('key_unknown'))

  it.each([[[]], [['exp']], [['b64']], ['exp'], [null], [false], [0], [{}]])('refuses crit %j', (crit) => {
    expect(withHeader({ crit })).toBe('header_crit_refused')
  })

  it('names the forms that it does not take', () => {
    expect(withHeader({ b64: false })).toBe('token_unencoded_payload')
    expect(withHeader({ b64: false, crit: ['b64'] })).toBe('token_unencoded_payload')
    expect(withHeader({ enc: 'A256GCM' })).toBe('token_encrypted')
    for (const cty of ['JWT', 'jwt', 'application/jwt']) expect(withHeader({ cty })).toBe('token_nested')
  })

  it.each([
    ['b64', true],
    ['zip', 'DEF'],
    ['jku', 'https://evil.example/jwks.json'],
    ['x5u', 'https://evil.example/cert.pem'],
    ['jwk', SIGNERS.ES256.jwk],
    ['x5c', ['MIIB']],
    ['x5t#S256', 'AAAA'],
    ['cty', 'text/plain'],
    ['hasOwnProperty', 1],
    ['toString', null],
  ])('%s changes nothing', (member, value) => {
    expect(withHeader({ [member]: value })).toBe('accepted')
    const token = accept(issue({ header: { [member]: value } }))
    expect(Object.keys(token.header)).toEqual(['alg', 'kid', 'typ'])
  })
})

describe('typ (R24, R42, R68)', () => {
  it.each(['at+jwt', 'AT+JWT', 'At+Jwt', 'application/at+jwt', 'Application/AT+JWT'])('accepts %s', (typ) => {
    expect(withHeader({ typ })).toBe('accepted')
  })

  it.each([
    ...['JWT', 'jwt', 'refresh+jwt', 'rt+jwt', 'logout+jwt', 'jwk-set+jwt', 'dpop+jwt', 'statuslist+jwt', ''],
    ...['at+jwt ', ' at+jwt', 'at jwt', 'at', 'text/at+jwt', 'application/application/at+jwt', 'at+jwt;v=1'],
    ...['at+jwt\0', 'аt+jwt', undefined, null, 1, true, ['at+jwt'], {}],
  ])('refuses %j', (typ) => expect(withHeader({ typ })).toBe('header_typ_refused'))

  it('is another where the caller expects another', () => {
    const expectations = { typ: 'application/JWK-set+JWT' }
    expect(withHeader({ typ: 'jwk-set+jwt' }, expectations)).toBe('accepted')
    expect(withHeader({ typ: 'at+jwt' }, expectations)).toBe('header_typ_refused')
  })

  it('may be any, but no non-string, where the caller said null', () => {
    for (const typ of ['JWT', 'at+jwt', '', undefined])
      expect(withHeader({ typ }, { typ: null })).toBe('accepted')
    for (const typ of [null, 1, []]) expect(withHeader({ typ }, { typ: null })).toBe('header_typ_refused')
  })
})

describe('any header whatever (R42)', () => {
  it('is refused with a code, or names exactly the key and algorithm that signed', () => {
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom('EdDSA', 'RS256', 'none', 'at+jwt', jwk.kid))
    const name = fc.constantFrom('alg', 'kid', 'typ', 'crit', 'b64', 'enc', 'cty', 'jwk', 'zip')
    const header = fc.dictionary(name, value).map((change) => ({ ...HEADER, ...change }))
    fc.assert(
      fc.property(header, (given) => {
        const code = outcome(signLiterally(SIGNERS.EdDSA, given))
        if (code === 'accepted') expect(given).toMatchObject({ alg: 'EdDSA', kid: jwk.kid })
        else expect(code).toMatch(/^(header|token|key|signature)_/)
      }),
      { numRuns: 300 },
    )
  })

  it('never crashes on bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), (bytes) => {
        expect(outcome(`${encodeBase64url(bytes)}.e30.AAAA`)).toMatch(/^header_/)
      }),
    )
  })
})
