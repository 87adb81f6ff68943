import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { AlgorithmName } from './algorithms.ts'
import { availableAlgorithms } from './available-algorithms.ts'
import { encodeBase64url } from './base64url.ts'
import {
  accept,
  CLAIMS,
  generatePrivateKey,
  issue,
  outcomeOf,
  SIGNERS,
  STRANGER,
  signerOf,
  signLiterally,
} from './issuer.fixture.ts'
import type { VerificationKey } from './jwk.ts'
import { KEY_TYPES } from './public-jwk.ts'

const outcome = (token: string, key: VerificationKey) => outcomeOf(() => accept(token, { key }))
const headerOf = (name: AlgorithmName, change = {}) => ({
  alg: name,
  kid: SIGNERS[name].jwk.kid,
  typ: 'at+jwt',
  ...change,
})
const json = (value: object) => encodeBase64url(JSON.stringify(value))

describe('token forgery (R1, R42, R63)', () => {
  it.each(['none', 'None', 'NONE', 'nOnE'])(
    'refuses alg %s, with a signature, an empty one, or none',
    (alg) => {
      const { key } = SIGNERS.EdDSA
      const unsigned = `${json(headerOf('EdDSA', { alg }))}.${json(CLAIMS)}`
      expect(outcome(`${unsigned}.`, key)).toBe('token_malformed')
      expect(outcome(unsigned, key)).toBe('token_malformed')
      expect(outcome(`${unsigned}.${issue().split('.')[2]}`, key)).toBe('header_alg_refused')
    },
  )

  it.each(availableAlgorithms())(
    'refuses an HMAC made with the public key of %s, in whatever form',
    (name) => {
      const { jwk, key } = SIGNERS[name]
      const publicKey = createPublicKey({ key: jwk as never, format: 'jwk' })
      const member = (jwk as unknown as Record<string, string>)[KEY_TYPES[jwk.kty].bytes[0] ?? ''] ?? ''
      const secrets = [
        publicKey.export({ type: 'spki', format: 'pem' }),
        publicKey.export({ type: 'spki', format: 'pem' }).toString().trim(),
        publicKey.export({ type: 'spki', format: 'der' }),
        JSON.stringify(jwk),
        JSON.stringify(publicKey.export({ format: 'jwk' })),
        Buffer.from(member, 'base64url'),
        member,
        jwk.kid,
        '',
      ]
      for (const [alg, digest] of [
        ['HS256', 'sha256'],
        ['HS384', 'sha384'],
        ['HS512', 'sha512'],
        [name, 'sha256'],
      ] as const) {
        for (const secret of secrets) {
          const signingInput = `${json(headerOf(name, { alg }))}.${json(CLAIMS)}`
          const mac = createHmac(digest, secret as string)
            .update(signingInput)
            .digest('base64url')
          const code = outcome(`${signingInput}.${mac}`, key)
          expect(code).toBe(alg === name ? 'signature_length' : 'header_alg_refused')
        }
      }
    },
  )

  it.each(
    availableAlgorithms().flatMap((one) =>
      availableAlgorithms()
        .filter((it) => it !== one)
        .map((it) => [one, it] as const),
    ),
  )('refuses %s in the header of a token under a key for %s', (alg, name) => {
    const { key } = SIGNERS[name]
    expect(outcome(signLiterally(SIGNERS[name], headerOf(name, { alg })), key)).toBe('key_alg_mismatch')
    expect(outcome(signLiterally(SIGNERS[alg], headerOf(name, { alg })), key)).toBe('key_alg_mismatch')
    expect(outcome(signLiterally(SIGNERS[alg], headerOf(name)), key)).toMatch(/^signature_(length|invalid)$/)
  })

  it('refuses a key that the token brings along', () => {
    const header = { ...headerOf('EdDSA'), jwk: STRANGER.jwk, jku: 'https://evil.example', x5c: ['MIIB'] }
    expect(outcome(signLiterally(STRANGER, header), SIGNERS.EdDSA.key)).toBe('signature_invalid')
    const honest = { ...header, kid: STRANGER.jwk.kid }
    expect(outcome(signLiterally(STRANGER, honest), SIGNERS.EdDSA.key)).toBe('key_unknown')
  })

  it.each(['secp256k1', 'prime256v1', 'secp384r1', 'secp521r1', 'brainpoolP384r1'])(
    'refuses a token that was signed with another key of curve %s',
    (namedCurve) => {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve })
      for (const name of ['ES256', 'ES384', 'ES512'] as const) {
        const token = signLiterally({ ...SIGNERS[name], privateKey }, headerOf(name))
        expect(outcome(token, SIGNERS[name].key)).toMatch(/^signature_(length|invalid)$/)
      }
    },
  )

  it('refuses a token of the same Ed25519 key under the other of its two names (RFC 9864)', () => {
    const { privateKey } = SIGNERS.EdDSA
    const [deprecated, specified] = [signerOf(privateKey, 'EdDSA'), signerOf(privateKey, 'Ed25519')]
    expect(deprecated.jwk.kid).toBe(specified.jwk.kid)
    expect(outcome(issue({}, deprecated), deprecated.key)).toBe('accepted')
    expect(outcome(issue({}, specified), specified.key)).toBe('accepted')
    expect(outcome(issue({}, specified), deprecated.key)).toBe('key_alg_mismatch')
    expect(outcome(issue({}, deprecated), specified.key)).toBe('key_alg_mismatch')
  })

  it('refuses parts of two good tokens put together', () => {
    const one = issue({ claims: { sub: 'user-1' } }).split('.')
    const two = issue({ claims: { sub: 'user-2' } }).split('.')
    expect(outcome([one[0], two[1], one[2]].join('.'), SIGNERS.EdDSA.key)).toBe('signature_invalid')
    expect(outcome([one[0], one[1], two[2]].join('.'), SIGNERS.EdDSA.key)).toBe('signature_invalid')
  })
})

describe('invalid signature (R27, R42, R63)', () => {
  it.each(availableAlgorithms())('is what a %s token of another key has, also when it names ours', (name) => {
    const stranger = signerOf(generatePrivateKey(name), name)
    expect(outcome(signLiterally(stranger, headerOf(name)), SIGNERS[name].key)).toBe('signature_invalid')
  })

  it.each(availableAlgorithms())('is never reported as expiry (%s)', (name) => {
    const expired = issue({ claims: { exp: 1, iat: 0 } }, SIGNERS[name])
    const { key } = SIGNERS[name]
    expect(outcome(expired, key)).toBe('token_expired')
    const [header, payload, signature = ''] = expired.split('.')
    const flipped = (signature[0] === 'A' ? 'B' : 'A') + signature.slice(1)
    expect(outcome(`${header}.${payload}.${flipped}`, key)).toBe('signature_invalid')
  })

  it.each(availableAlgorithms())('is a length first, where %s leaves no choice', (name) => {
    const [header, payload, signature = ''] = issue({}, SIGNERS[name]).split('.')
    const bytes = Buffer.from(signature, 'base64url')
    const zero = Buffer.alloc(1)
    const others = [
      bytes.subarray(1),
      bytes.subarray(0, -1),
      Buffer.concat([zero, bytes]),
      Buffer.concat([bytes, zero]),
      zero,
    ]
    for (const other of others) {
      expect(outcome(`${header}.${payload}.${encodeBase64url(other)}`, SIGNERS[name].key)).toBe(
        'signature_length',
      )
    }
  })
})
