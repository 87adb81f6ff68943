import { ALGORITHM_NAMES } from '@keyturn/core'
import { describe, expect, it } from 'vitest'
import { optionsFromEnv, VERIFIER_VARIABLES } from './options-from-env.ts'
import { createVerifier } from './verifier.ts'

const required = { KEYTURN_ISSUER: 'https://auth.example', KEYTURN_AUDIENCE: 'orders' }
const refusal = (env: Record<string, string>) => {
  try {
    optionsFromEnv(env)
  } catch (error) {
    return error
  }
  return undefined
}

describe('JWKSAuthentication: one initialisation for every service (R34)', () => {
  it('needs no more than issuer and audience', () => {
    const options = optionsFromEnv(required)
    expect(options).toEqual({ issuer: 'https://auth.example', audience: 'orders' })
    expect(createVerifier(options).health().source).toBe('https://auth.example/.well-known/jwks.json')
  })

  it('reads every variable of its table, in the units of the option', () => {
    const env = {
      ...required,
      KEYTURN_JWKS_URL: 'http://keys.internal/jwks',
      KEYTURN_ALGORITHMS: 'RS256, ES256',
      KEYTURN_CLOCK_TOLERANCE: '10s',
      KEYTURN_VERIFIER_MIN_CACHE: '500ms',
      KEYTURN_VERIFIER_MAX_CACHE: '5m',
      KEYTURN_VERIFIER_STALE_IF_ERROR: '2h',
      KEYTURN_VERIFIER_TIMEOUT: '3s',
      KEYTURN_VERIFIER_UNSAFE_HTTP: 'true',
    }
    expect(Object.keys(env).sort()).toEqual(VERIFIER_VARIABLES.map(({ name }) => name).sort())
    const options = optionsFromEnv(env)
    expect(options).toEqual({
      issuer: 'https://auth.example',
      audience: 'orders',
      jwksUrl: 'http://keys.internal/jwks',
      algorithms: ['RS256', 'ES256'],
      clockToleranceSeconds: 10,
      minCacheSeconds: 0.5,
      maxCacheSeconds: 300,
      staleIfErrorSeconds: 7200,
      timeoutSeconds: 3,
      unsafeAllowHttp: true,
    })
    expect(() => createVerifier(options)).not.toThrow()
  })

  it('takes every algorithm of the table by its name', () => {
    const options = optionsFromEnv({ ...required, KEYTURN_ALGORITHMS: ALGORITHM_NAMES.join(', ') })
    expect(options.algorithms).toEqual(ALGORITHM_NAMES)
  })

  it('takes an empty variable for an absent one', () => {
    expect(optionsFromEnv({ ...required, KEYTURN_JWKS_URL: '' })).not.toHaveProperty('jwksUrl')
  })

  it.each([
    ['KEYTURN_ISSUER', ''],
    ['KEYTURN_AUDIENCE', ''],
    ['KEYTURN_ALGORITHMS', 'RS256,hs-secret'],
    ['KEYTURN_ALGORITHMS', 'none'],
    ['KEYTURN_VERIFIER_TIMEOUT', '5-secret'],
    ['KEYTURN_VERIFIER_UNSAFE_HTTP', 'yes-secret'],
  ])('names %s and never its value when that is %j', (name, value) => {
    const error = refusal({ ...required, [name]: value })
    expect(error).toMatchObject({ code: 'verifier_env_invalid' })
    expect(String(error)).toContain(name)
    expect(String(error)).not.toContain('secret')
  })
  it.each([
    ['KEYTURN_ALGORITHM', 'KEYTURN_ALGORITHMS'],
    ['KEYTURN_JWKS_URI', 'KEYTURN_JWKS_URL'],
    ['KEYTURN_VERIFIER_TIMEOUTS', 'KEYTURN_VERIFIER_TIMEOUT'],
    ['KEYTURN_Verifier_Max_Cache', 'KEYTURN_VERIFIER_MAX_CACHE'],
  ])('refuses %s, and says that %s is meant', (name, meant) => {
    const error = refusal({ ...required, [name]: 'secret' })
    expect(error).toMatchObject({ code: 'verifier_env_invalid', remedy: `did you mean ${meant}?` })
    expect(String(error)).toContain(name)
    expect(String(error)).not.toContain('secret')
  })

  it('refuses what begins as a variable of a verifier and is none', () => {
    expect(refusal({ ...required, KEYTURN_VERIFIER_CACHE_FOREVER: '1' })).toMatchObject({
      code: 'verifier_env_invalid',
      remedy: 'leave it out',
    })
  })

  it("lets pass what is others'", () => {
    const env = {
      ...required,
      KEYTURN_HTTP_PORT: '9001',
      KEYTURN_VERIFIER_REFRESH: '40s',
      KEYTURN_ALGORITM: '',
      KEYTURING: '1',
    }
    expect(refusal(env)).toBeUndefined()
  })
})
