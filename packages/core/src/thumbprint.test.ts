import { createPrivateKey } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import { describe, expect, it } from 'vitest'
import { availableAlgorithms, isAlgorithmAvailable } from './available-algorithms.ts'
import { SIGNERS, signerOf } from './issuer.fixture.ts'
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

  it.each(availableAlgorithms())(
    'agrees with jose on a key for %s, whatever else is in the JWK',
    async (name) => {
      const { jwk } = SIGNERS[name]
      expect(thumbprint(jwk)).toBe(await calculateJwkThumbprint(jwk, 'sha256'))
      expect(thumbprint({ ...jwk, exp: 1, kid: 'other' } as never)).toBe(jwk.kid)
    },
  )

  /** PKCS #8 of the seed of zeros for ML-DSA-44, -65 and -87 (RFC 9881, section 6). */
  const privateKeyOfZeros = (oid: string) =>
    createPrivateKey({
      key: Buffer.from(`3034020100300b0609608648016503040${oid}04228020${'00'.repeat(32)}`, 'hex'),
      format: 'der',
      type: 'pkcs8',
    })

  it.skipIf(!isAlgorithmAvailable('ML-DSA-44')).each([
    ['ML-DSA-44', '311', 'T4xl70S7MT6Zeq6r9V9fPJGVn76wfnXJ21-gyo0Gu6o'],
    ['ML-DSA-65', '312', 'Suiu29qbfuaBaR4Ats-c6XQBePB_OpAxAwcTR_0KXVM'],
    ['ML-DSA-87', '313', 'tRn1JNIkgMsABVQBlXeDHxAIcclh-2IX0UdDEzPt5XU'],
  ] as const)('gives the kid of RFC 9964, appendix A, for %s', (name, oid, kid) => {
    expect(signerOf(privateKeyOfZeros(oid), name).jwk).toMatchObject({ kty: 'AKP', alg: name, kid })
  })

  it('takes members in the order of their names, not of their appearance', () => {
    const jwk = SIGNERS.ES256.jwk as { kty: 'EC'; crv: string; x: string; y: string }
    const backwards = { y: jwk.y, x: jwk.x, kty: jwk.kty, crv: jwk.crv }
    expect(thumbprint(backwards)).toBe(SIGNERS.ES256.jwk.kid)
  })
})
