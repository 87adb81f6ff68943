import { DEFAULT_POLICY, policyViolations } from '@keyturn/keyring'
import { describe, expect, it } from 'vitest'
import { isLoopback, loadConfig } from './load-config.ts'
import { flagOf, SETTING_KEYS, variableOf } from './settings.ts'

const load = (env: Record<string, string> = {}) => loadConfig({ flags: {}, env, file: undefined })
const messageOf = (env: Record<string, string>) => {
  try {
    load(env)
  } catch (error) {
    return (error as Error).message
  }
  return ''
}

describe('configuration (R54)', () => {
  it('is whole without a word from anybody', () => {
    const config = load()
    expect(config).toMatchObject({
      issuer: 'http://localhost:9001',
      audience: 'http://localhost:9001',
      store: 'file',
    })
    expect(config.policy).toEqual(DEFAULT_POLICY)
    expect(policyViolations(config.policy)).toEqual([])
  })

  it('knows each setting by three names of one form', () => {
    expect(variableOf('keysRotationInterval')).toBe('KEYTURN_KEYS_ROTATION_INTERVAL')
    expect(flagOf('keysRotationInterval')).toBe('--keys-rotation-interval')
    expect(new Set(SETTING_KEYS.map(variableOf)).size).toBe(SETTING_KEYS.length)
  })

  it('takes an empty variable for one that is not there', () => {
    expect(load({ KEYTURN_ISSUER: '', KEYTURN_HTTP_PORT: '' }).http.port).toBe(9001)
  })

  it('names everything that is wrong at once, and repeats no value', () => {
    const message = messageOf({ KEYTURN_HTTP_PORT: 'secret-marker', KEYTURN_STORE: 'secret-marker' })
    expect(message).toContain('KEYTURN_HTTP_PORT: expected a port')
    expect(message).toContain('KEYTURN_STORE: expected one of file, memory')
    expect(message).not.toContain('secret-marker')
  })

  it('reserves on keys the longest lifetime, which is the lifetime unless more may be asked for', () => {
    expect(load({ KEYTURN_ACCESS_TOKEN_TTL: '2h' }).policy.timing.maxTtlMs).toBe(7_200_000)
    const longer = load({ KEYTURN_ACCESS_TOKEN_TTL: '2h', KEYTURN_ACCESS_TOKEN_MAX_TTL: '3h' })
    expect([longer.accessTokenTtlSeconds, longer.policy.timing.maxTtlMs]).toEqual([7200, 10_800_000])
  })

  it.each([
    [{ KEYTURN_JWKS_MAX_AGE: '1500ms' }, 'KEYTURN_JWKS_MAX_AGE'],
    [{ KEYTURN_ACCESS_TOKEN_TTL: '0s' }, 'KEYTURN_ACCESS_TOKEN_TTL'],
    [{ KEYTURN_ADMIN_HOST: '10.0.0.1' }, 'KEYTURN_ADMIN_HOST: plain http'],
    [{ KEYTURN_HTTP_HOST: '::' }, 'KEYTURN_ISSUER: expected the URL'],
    [{ KEYTURN_HTTP_PORT: '0' }, 'KEYTURN_ISSUER: expected the URL'],
    [{ KEYTURN_CLOCK_TOLERANCE: '61s' }, 'at most 60s'],
    [{ KEYTURN_STORE_POLL: '0s' }, 'storePollMs must be greater than 0'],
  ] as Record<string, string>[][])('refuses %j', (env, message) => {
    expect(messageOf(env as Record<string, string>)).toContain(message)
  })

  it.each([
    ['127.0.0.1', true],
    ['127.8.8.8', true],
    ['localhost', true],
    ['::1', true],
    ['0.0.0.0', false],
    ['::', false],
    ['127.0.0.1.evil.example', false],
    ['10.0.0.1', false],
  ])('knows whether only this machine reaches %s', (host, expected) => {
    expect(isLoopback(host)).toBe(expected)
  })
})
