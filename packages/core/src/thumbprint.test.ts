import { calculateJwkThumbprint } from 'jose'
import { describe, expect, it } from 'vitest'
import { ALGORITHM_NAMES } from './algorithms.ts'
import { SIGNERS } from './issuer.fixture.ts'
import { thumbprint } from './thumbprint.ts'

const RFC_7638_N = [
  '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4',
  'n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0',
  'zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-c',
  'sFCur-kEgU8awapJzKnqDKgw',
].join('')

describe('thumbprint (R12)', () => {
  it('gives the value of RFC 7638, section 3.1', () => {
    expect(thumbprint({ kty: 'RSA', n: RFC_7638_N, e: 'AQAB' })).toBe(
      'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
    )
  })

  it('gives the value of RFC 8037, appendix A.3', () => {
    const x = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'
    expect(thumbprint({ kty: 'OKP', crv: 'Ed25519', x })).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
  })

  it.each(ALGORITHM_NAMES)('agrees with jose on a key for %s, whatever else is in the JWK', async (name) => {
    const { jwk } = SIGNERS[name]
    expect(thumbprint(jwk)).toBe(await calculateJwkThumbprint(jwk, 'sha256'))
    expect(thumbprint({ ...jwk, exp: 1, kid: 'other' } as never)).toBe(jwk.kid)
  })

  it('takes members in the order of their names, not of their appearance', () => {
    const jwk = SIGNERS.ES256.jwk as { kty: 'EC'; crv: string; x: string; y: string }
    const backwards = { y: jwk.y, x: jwk.x, kty: jwk.kty, crv: jwk.crv }
    expect(thumbprint(backwards)).toBe(SIGNERS.ES256.jwk.kid)
  })
})
