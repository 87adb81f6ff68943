import { type AlgorithmName, availableAlgorithms, TOKEN_REJECTIONS } from '@keyturn/core'
import { authenticateBearer, createMultiVerifier, createVerifier } from '@keyturn/verifier'
import { compactVerify, importJWK } from 'jose'
import { describe, expect, it } from 'vitest'
import { codeOf } from '../code-of.ts'
import { fakeClock } from '../fake-clock.ts'
import { testIssuer } from '../test-issuer.ts'
import { hostileTokens } from './hostile-tokens.ts'
import { UNFIT_TOKENS } from './unfit-tokens.ts'

const KINDS = ['token', 'clientToken'] as const
/** No text can be at fault in these ways, or no default of a verifier asks for it, or no header can hold it. */
const UNREACHED = [
  'token_not_a_string',
  'token_json_serialized',
  'token_too_old',
  'token_lifetime_too_long',
  'check_failed',
]

async function open(algorithm: AlgorithmName = 'EdDSA') {
  const clock = fakeClock()
  const issuer = await testIssuer({ clock, algorithm })
  return { clock, issuer, verifier: createVerifier(issuer.verifierOptions) }
}

describe('hostile tokens (R27, R42, R46, R68)', () => {
  describe.each(availableAlgorithms())('made of a token of %s', (algorithm) => {
    it.each(KINDS)('are each refused for what is wrong with them, by a good %s', async (kind) => {
      const { issuer, verifier } = await open(algorithm)
      const good = await issuer[kind]()
      expect(await codeOf(verifier.verify(good))).toBe('none')
      const tokens = await issuer.hostileTokens(good)
      const found = await Promise.all(tokens.map(async ({ token }) => await codeOf(verifier.verify(token))))
      expect(found).toEqual(tokens.map(({ codes }) => codes[0]))
      verifier.close()
    })
  })

  it('are of every kind that a verifier tells apart, each with a name of its own', async () => {
    const { issuer } = await open()
    const tokens = await issuer.hostileTokens()
    expect(new Set(tokens.map(({ name }) => name)).size).toBe(tokens.length)
    expect(new Set(tokens.map(({ token }) => token)).size).toBe(tokens.length)
    const codes = new Set<string>(tokens.flatMap((it) => it.codes))
    expect(Object.keys(TOKEN_REJECTIONS).filter((code) => !codes.has(code))).toEqual(UNREACHED)
  })

  it('can each be sent as a Bearer token, and get 401 with the same code', async () => {
    const { issuer, verifier } = await open()
    for (const { name, token, codes } of await issuer.hostileTokens()) {
      const outcome = await authenticateBearer(verifier, [`Bearer ${token}`])
      expect([name, outcome]).toMatchObject([name, { refusal: { status: 401, code: codes[0] } }])
    }
    verifier.close()
  })

  it('are refused by one of their codes where algorithms are listed, or issuers are several', async () => {
    const { issuer } = await open()
    const other = { ...issuer.verifierOptions, issuer: 'https://other.test' }
    const verifiers = [
      createVerifier({ ...issuer.verifierOptions, algorithms: ['EdDSA'] }),
      createMultiVerifier([issuer.verifierOptions, other]),
    ]
    for (const verifier of verifiers) {
      for (const { name, token, codes } of await issuer.hostileTokens()) {
        const code = await codeOf(verifier.verify(token))
        expect([name, codes.includes(code as never), code]).toEqual([name, true, code])
      }
      verifier.close()
    }
  })

  it.each(availableAlgorithms().filter((name) => !name.startsWith('ML-DSA')))(
    'of the issuer itself are signed well with %s, as jose says',
    async (algorithm) => {
      const { issuer } = await open(algorithm)
      const [jwk] = issuer.jwks().keys
      const key = await importJWK({ ...jwk })
      const names = new Set(UNFIT_TOKENS.map(({ name }) => name))
      const unfit = (await issuer.hostileTokens()).filter(({ name }) => names.has(name))
      expect(unfit).toHaveLength(UNFIT_TOKENS.length)
      for (const { token } of unfit)
        expect((await compactVerify(token, key)).protectedHeader.alg).toBe(algorithm)
    },
  )

  it('are the forged and the malformed ones alone where nobody has the private key', async () => {
    const { issuer } = await open()
    const [good, all] = [await issuer.token(), await issuer.hostileTokens()]
    const [publicJwk] = issuer.jwks().keys
    const made = await hostileTokens({ good, publicJwk: publicJwk as never })
    expect(made).toHaveLength(all.length - UNFIT_TOKENS.length)
    expect(made.map(({ name }) => name)).toEqual(all.slice(0, made.length).map(({ name }) => name))
  })

  it('are made of a token, and of an algorithm that somebody knows', async () => {
    const { issuer } = await open()
    expect(await codeOf(issuer.hostileTokens('opaque'))).toBe('token_malformed')
    const publicJwk = { ...issuer.jwks().keys[0], alg: 'HS256' } as never
    expect(await codeOf(hostileTokens({ good: await issuer.token(), publicJwk }))).toBe('algorithm_unknown')
  })
})
