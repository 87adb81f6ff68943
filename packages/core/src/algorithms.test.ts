import { describe, expect, it } from 'vitest'
import { ALGORITHM_NAMES, ALGORITHMS, type AlgorithmName, isAlgorithmName } from './algorithms.ts'
import { KEY_TYPES } from './public-jwk.ts'

describe('algorithms (R2, R42)', () => {
  // what RFC 7518 (section 3.1), 8037, 9864, 9964 and FIPS 204 (table 2) say, written down a second time
  it.each([
    ['RS256', 'RSA', undefined, 'sha256', undefined, undefined],
    ['RS384', 'RSA', undefined, 'sha384', undefined, undefined],
    ['RS512', 'RSA', undefined, 'sha512', undefined, undefined],
    ['PS256', 'RSA', undefined, 'sha256', undefined, undefined],
    ['PS384', 'RSA', undefined, 'sha384', undefined, undefined],
    ['PS512', 'RSA', undefined, 'sha512', undefined, undefined],
    ['ES256', 'EC', 'P-256', 'sha256', 64, 64],
    ['ES384', 'EC', 'P-384', 'sha384', 96, 96],
    ['ES512', 'EC', 'P-521', 'sha512', 132, 132],
    ['EdDSA', 'OKP', 'Ed25519', null, 32, 64],
    ['Ed25519', 'OKP', 'Ed25519', null, 32, 64],
    ['ML-DSA-44', 'AKP', undefined, null, 1312, 2420],
    ['ML-DSA-65', 'AKP', undefined, null, 1952, 3309],
    ['ML-DSA-87', 'AKP', undefined, null, 2592, 4627],
  ] as const)('have the traits of %s', (name, kty, crv, digest, publicKeyBytes, signatureBytes) => {
    expect(ALGORITHMS[name]).toMatchObject({ name, kty, crv, digest, publicKeyBytes, signatureBytes })
  })

  it('are these, the default first', () => {
    expect(ALGORITHM_NAMES.join(' ')).toBe(
      'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519 ML-DSA-44 ML-DSA-65 ML-DSA-87',
    )
  })

  it('are asymmetric, every one, and frozen', () => {
    for (const name of ALGORITHM_NAMES) {
      expect(['RSA', 'EC', 'OKP', 'AKP']).toContain(ALGORITHMS[name].kty)
      expect(Object.isFrozen(ALGORITHMS[name])).toBe(true)
    }
    expect(Object.isFrozen(ALGORITHMS) && Object.isFrozen(ALGORITHM_NAMES)).toBe(true)
  })

  it('pad with PSS exactly where their name says so', () => {
    const padded = ALGORITHM_NAMES.filter((name) => ALGORITHMS[name].cryptoOptions !== undefined)
    expect(padded).toEqual(['PS256', 'PS384', 'PS512'] satisfies AlgorithmName[])
  })

  it('are signed with at once where that is sooner done than handed over (docs/adr/0017)', () => {
    const quick = ALGORITHM_NAMES.filter((name) => ALGORITHMS[name].isQuickToSign)
    expect(quick).toEqual(['ES256', 'EdDSA', 'Ed25519'] satisfies AlgorithmName[])
  })

  it.each([
    'none',
    'HS256',
    'rs256',
    'RS256 ',
    'ES256K',
    'ES521',
    'Ed448',
    'ed25519',
    'ML-DSA-66',
    'ml-dsa-44',
    '',
    'toString',
    '__proto__',
    null,
    undefined,
    0,
    ['RS256'],
    Object('RS256'),
  ])('have no name %j', (name) => expect(isAlgorithmName(name)).toBe(false))
})

describe('key types (R12)', () => {
  it.each(Object.entries(KEY_TYPES))('list what names a %s key in lexicographic order', (_, members) => {
    expect(members.required).toEqual([...members.required].sort())
    expect(members.required).toEqual(expect.arrayContaining(['kty', ...members.bytes]))
  })
})
