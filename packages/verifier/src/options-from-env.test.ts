import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ALGORITHM_NAMES } from '@keyturn/core'
import { afterAll, describe, expect, it } from 'vitest'
import { createMultiVerifier } from './multi-verifier.ts'
import { optionsFromEnv, VERIFIER_VARIABLES } from './options-from-env.ts'
import { createVerifier } from './verifier.ts'
import type { VerifierOptions } from './verifier-options.ts'

const required = { KEYTURN_ISSUER: 'https://auth.example', KEYTURN_AUDIENCE: 'orders' }
const refusal = (env: Record<string, string>) => {
  try {
    optionsFromEnv(env)
  } catch (error) {
    return error
  }
  return undefined
}

const folder = mkdtempSync(join(tmpdir(), 'keyturn-env-'))
afterAll(() => rmSync(folder, { recursive: true }))
function file(content: string): string {
  const path = join(folder, crypto.randomUUID())
  writeFileSync(path, content)
  return path
}

describe('JWKSAuthentication: one initialisation for every service (R34)', () => {
  it('needs no more than issuer and audience', () => {
    const options = optionsFromEnv(required)
    expect(Object.entries(options)).toEqual([
      ['issuer', 'https://auth.example'],
      ['audience', 'orders'],
    ])
    expect(createVerifier(options).health().url).toBe('https://auth.example/.well-known/jwks.json')
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
      KEYTURN_VERIFIER_SNAPSHOT_FILE: '/var/lib/orders/keys.json',
      KEYTURN_VERIFIER_SNAPSHOT_SECRET_FILE: file('a secret of this service, 32 or more\n'),
      KEYTURN_VERIFIER_ROOT_KEYS_FILE: file('{"keys":[]}'),
      KEYTURN_VERIFIER_PINNED_THUMBPRINTS:
        'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs, kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
      KEYTURN_VERIFIER_CA_FILE: file('ca'),
      KEYTURN_VERIFIER_CLIENT_CERT_FILE: file('cert'),
      KEYTURN_VERIFIER_CLIENT_KEY_FILE: file('key'),
      KEYTURN_VERIFIER_SPKI_PINS: 'sha256/one, sha256/two',
      KEYTURN_VERIFIER_TIMEOUT: '3s',
      KEYTURN_VERIFIER_TOKEN_CACHE_SIZE: '1000',
      KEYTURN_VERIFIER_UNSAFE_HTTP: 'true',
    }
    const all = [...Object.keys(env), 'KEYTURN_VERIFIER_SNAPSHOT_SECRET']
    expect(all.sort()).toEqual(VERIFIER_VARIABLES.map(({ name }) => name).sort())
    const options = optionsFromEnv(env)
    expect(Object.fromEntries(Object.entries(options))).toEqual({
      issuer: 'https://auth.example',
      audience: 'orders',
      jwksUrl: 'http://keys.internal/jwks',
      algorithms: ['RS256', 'ES256'],
      clockToleranceSeconds: 10,
      minCacheSeconds: 0.5,
      maxCacheSeconds: 300,
      staleIfErrorSeconds: 7200,
      snapshotFile: '/var/lib/orders/keys.json',
      snapshotSecret: 'a secret of this service, 32 or more',
      rootKeys: { keys: [] },
      pinnedThumbprints: [
        'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
        'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
      ],
      ca: 'ca',
      clientCert: 'cert',
      clientKey: 'key',
      spkiPins: ['sha256/one', 'sha256/two'],
      timeoutSeconds: 3,
      tokenCacheSize: 1000,
      unsafeAllowHttp: true,
    })
    const { ca: _, clientCert: _cert, clientKey: _key, spkiPins: _pins, rootKeys: _roots, ...rest } = options
    expect(() => createVerifier(rest)).not.toThrow()
  })

  it('takes every algorithm of the table by its name', () => {
    const options = optionsFromEnv({ ...required, KEYTURN_ALGORITHMS: ALGORITHM_NAMES.join(', ') })
    expect(options.algorithms).toEqual(ALGORITHM_NAMES)
  })

  it('takes a secret, or the file that holds it, and never both', () => {
    const inline = { ...required, KEYTURN_VERIFIER_SNAPSHOT_SECRET: 'a secret of this service, 32 or more' }
    expect(optionsFromEnv(inline).snapshotSecret).toBe('a secret of this service, 32 or more')
    const both = { ...inline, KEYTURN_VERIFIER_SNAPSHOT_SECRET_FILE: file('another one') }
    expect(refusal(both)).toMatchObject({ code: 'verifier_env_invalid' })
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
    ['KEYTURN_VERIFIER_TOKEN_CACHE_SIZE', '1e3-secret'],
    ['KEYTURN_VERIFIER_CA_FILE', '/nowhere/secret.pem'],
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
    ['KEYTURN_ROOT_KEYS_FILE', 'KEYTURN_VERIFIER_ROOT_KEYS_FILE'],
    ['KEYTURN_SPKI_PINS', 'KEYTURN_VERIFIER_SPKI_PINS'],
    ['KEYTURN_VERIFIER_ISSUER', 'KEYTURN_ISSUER'],
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

describe('what createVerifier refuses of the environment (R34, R54)', () => {
  const refused = (env: Record<string, string>, inCode: Partial<VerifierOptions> = {}) => {
    try {
      createVerifier({ ...optionsFromEnv({ ...required, ...env }), ...inCode }).close()
    } catch (error) {
      return (error as Error).message
    }
    return undefined
  }

  it.each([
    [
      { KEYTURN_JWKS_URL: 'http://keys.internal' },
      /^KEYTURN_JWKS_URL: .*\(or KEYTURN_VERIFIER_UNSAFE_HTTP\)$/,
    ],
    [
      { KEYTURN_ISSUER: 'supermq.auth' },
      /^KEYTURN_JWKS_URL: expected one, since the issuer is no plain URL$/,
    ],
    [{ KEYTURN_CLOCK_TOLERANCE: '61s' }, /^KEYTURN_CLOCK_TOLERANCE: expected a number from 0 to 60$/],
    [{ KEYTURN_VERIFIER_TIMEOUT: '0s' }, /^KEYTURN_VERIFIER_TIMEOUT: expected .* more than 0$/],
    [
      { KEYTURN_VERIFIER_MAX_CACHE: '30s' },
      /^KEYTURN_VERIFIER_MAX_CACHE: expected at least KEYTURN_VERIFIER_MIN_CACHE$/,
    ],
    [{ KEYTURN_VERIFIER_TOKEN_CACHE_SIZE: '1' }, /^KEYTURN_VERIFIER_TOKEN_CACHE_SIZE: expected 0, or 2 to/],
    [
      { KEYTURN_VERIFIER_SNAPSHOT_FILE: 'x', KEYTURN_VERIFIER_SNAPSHOT_SECRET_FILE: file('short') },
      /^KEYTURN_VERIFIER_SNAPSHOT_SECRET_FILE: .* beside KEYTURN_VERIFIER_SNAPSHOT_FILE$/,
    ],
    [{ KEYTURN_VERIFIER_SNAPSHOT_FILE: 'x' }, /^KEYTURN_VERIFIER_SNAPSHOT_SECRET: expected/],
    [{ KEYTURN_VERIFIER_CA_FILE: file('no PEM') }, /^KEYTURN_VERIFIER_CA_FILE: expected/],
    [{ KEYTURN_VERIFIER_SPKI_PINS: 'sha256/x' }, /^KEYTURN_VERIFIER_SPKI_PINS: expected/],
    [{ KEYTURN_VERIFIER_ROOT_KEYS_FILE: file('{"keys":[]}') }, /^KEYTURN_VERIFIER_ROOT_KEYS_FILE: expected/],
  ])('is named by its variable: %j', (env, message) => {
    expect(refused(env)).toMatch(message)
  })

  it('is named by its option where it was set in code', () => {
    expect(refused({ KEYTURN_VERIFIER_TIMEOUT: '3s' }, { timeoutSeconds: 0 })).toMatch(/^timeoutSeconds: /)
    expect(refused({ KEYTURN_VERIFIER_MAX_CACHE: '30s' }, { minCacheSeconds: 31 })).toBe(
      'KEYTURN_VERIFIER_MAX_CACHE: expected at least minCacheSeconds',
    )
    expect(() =>
      createVerifier({ issuer: 'https://auth.example', audience: 'a', timeoutSeconds: 0 }),
    ).toThrow(/^timeoutSeconds: /)
    expect(() => createVerifier(undefined as never)).toThrow(/plain object/)
  })

  it('is named by its variable among several issuers, too', () => {
    const options = optionsFromEnv({ ...required, KEYTURN_CLOCK_TOLERANCE: '61s' })
    expect(() => createMultiVerifier([options])).toThrow(/^KEYTURN_CLOCK_TOLERANCE: /)
  })
})
