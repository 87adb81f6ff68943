import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ALGORITHM_NAMES } from '@keyturn/core'
import { DEFAULT_POLICY, DEFAULT_TIMING, policyViolations } from '@keyturn/keyring'
import { optionsFromEnv } from '@keyturn/verifier'
import { describe, expect, it } from 'vitest'
import { disagreements } from './disagreements.ts'
import { loadConfig } from './load-config.ts'
import { flagOf, SETTING_KEYS, SETTINGS, variableOf } from './settings.ts'

type Flags = Parameters<typeof loadConfig>[0]['flags']
const load = (env: Record<string, string> = {}, flags: Flags = {}, file?: string) =>
  loadConfig({ flags, env, file })
const messageOf = (...given: Parameters<typeof load>) => {
  try {
    load(...given)
  } catch (error) {
    return (error as Error).message
  }
  return ''
}

describe('the algorithm of new keys (R2, R54)', () => {
  it.each(ALGORITHM_NAMES)('may be %s, in the environment and in words', (name) => {
    expect(load({ KEYTURN_KEYS_ALGORITHM: name }).policy.algorithm).toBe(name)
  })

  it.each(['rs256', 'HS256', 'none', 'ML-DSA', 'Ed448', 'toString'])('may not be %s', (name) => {
    expect(messageOf({ KEYTURN_KEYS_ALGORITHM: name })).toContain(
      `KEYTURN_KEYS_ALGORITHM: expected one of ${ALGORITHM_NAMES.join(', ')}`,
    )
  })

  it.each(['2048', '3072', '4096'])('has a modulus of %s bits where it is RSA', (bits) => {
    expect(load({ KEYTURN_KEYS_RSA_BITS: bits }).policy.rsaBits).toBe(Number(bits))
  })
})

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

  it('warns of an issuer to which services will not go, by the name of who gave it', () => {
    const root = { KEYTURN_ROOT_KEY_FILE: 'data/root/root.jwk', KEYTURN_DATA_DIR: 'data' }
    expect(load(root).warnings).toEqual([
      expect.stringMatching(/^KEYTURN_ROOT_KEY_FILE: it is in the data folder/),
    ])
    expect(load({ ...root, KEYTURN_ROOT_KEY_FILE: 'root/root.jwk' }).warnings).toEqual([])
    expect(load({ KEYTURN_ISSUER: 'http://auth.example' }).warnings).toEqual([
      expect.stringMatching(/^KEYTURN_ISSUER: services refuse/),
    ])
  })

  it('takes an empty variable for one that is not there', () => {
    expect(load({ KEYTURN_ISSUER: '', KEYTURN_HTTP_PORT: '' }).http.port).toBe(9001)
  })

  it('names a setting as its reader gave it, also where two do not fit together', async () => {
    expect(messageOf({}, { httpPort: 'x' })).toContain('--http-port: expected a port')
    expect(messageOf({ KEYTURN_HTTP_PORT: '7' }, { adminPort: '7' })).toContain(
      'KEYTURN_HTTP_PORT and --admin-port: expected two ports',
    )
    expect(messageOf({}, { keysRotationInterval: '10m' })).toMatch(
      /^--keys-rotation-interval: expected more than the lead .*, not 10m$/,
    )
    expect(messageOf({ KEYTURN_ACCESS_TOKEN_MAX_TTL: '1h' }, { accessTokenTtl: '2h' })).toBe(
      '--access-token-ttl: expected at most KEYTURN_ACCESS_TOKEN_MAX_TTL',
    )
    const folder = await mkdtemp(join(tmpdir(), 'keyturn-config-'))
    const file = join(folder, 'keyturn.json')
    await writeFile(file, JSON.stringify({ keysGraceSkew: '1s', jwksMaxAge: '1500ms', httpHost: '::' }))
    expect(
      messageOf({}, { issuer: 'a' }, file)
        .split('; ')
        .map((line) => line.split(': ')[0]),
    ).toEqual([`httpHost in ${file}`, `jwksMaxAge in ${file}`, `keysGraceSkew in ${file}`])
    await rm(folder, { recursive: true })
  })

  it('has a name of a setting for every line of the policy', () => {
    const broken = Object.fromEntries(Object.keys(DEFAULT_TIMING).map((name) => [name, -1]))
    const timing = broken as unknown as typeof DEFAULT_TIMING
    const policy = { ...DEFAULT_POLICY, timing }
    const settings = SETTINGS.parse({})
    const lines = disagreements({ settings, issuer: 'a', policy }, variableOf)
    expect(lines).toHaveLength(12)
    for (const line of lines) expect(line).toMatch(/^KEYTURN_[A-Z_]+: expected /)
  })

  it('names the settings of the policy as they were given, whatever of them was', () => {
    expect(messageOf({}, { keysRotationInterval: '20m', accessTokenTtl: '24h' })).toMatch(
      /^--keys-rotation-interval: expected at most 32 keys published at once, not 75/,
    )
    const policy = { ...DEFAULT_POLICY, rsaBits: 1024 as never }
    expect(disagreements({ settings: SETTINGS.parse({}), issuer: 'a', policy }, flagOf)).toEqual([
      '--keys-rsa-bits: expected 2048, 3072 or 4096',
    ])
  })

  it('has a name for an algorithm that is refused after its form was found good', () => {
    const policy = { ...DEFAULT_POLICY, algorithm: 'ML-DSA-1' as never }
    expect(disagreements({ settings: SETTINGS.parse({}), issuer: 'a', policy }, variableOf)).toEqual([
      'KEYTURN_KEYS_ALGORITHM: expected one of the table',
    ])
  })

  it('blames the maximum of lifetimes only where there is one', () => {
    expect(messageOf({ KEYTURN_ACCESS_TOKEN_TTL: '1500ms' })).not.toContain('MAX_TTL')
    expect(messageOf({ KEYTURN_ACCESS_TOKEN_MAX_TTL: '3600500ms' })).toBe(
      'KEYTURN_ACCESS_TOKEN_MAX_TTL: expected whole seconds',
    )
  })

  it('has a remedy that helps whichever command says so', () => {
    expect(() => load({ KEYTURN_STORE: 'x' })).toThrow(
      expect.objectContaining({ code: 'config_invalid', remedy: 'see: keyturn serve --help' }),
    )
  })

  it('has no variable that a verifier in the same environment takes for a misspelt one of its own (R34)', () => {
    const authority = Object.fromEntries(SETTING_KEYS.map((key) => [variableOf(key), '1s']))
    const own = { KEYTURN_ISSUER: 'https://auth.example', KEYTURN_AUDIENCE: 'orders' }
    expect(() => optionsFromEnv({ ...authority, ...own })).not.toThrow()
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
    [{ KEYTURN_STORE_POLL: '0s' }, 'KEYTURN_STORE_POLL: expected more than 0'],
    [{ KEYTURN_ISSUER: 'https://a@auth.example' }, 'KEYTURN_ISSUER: expected https://host'],
    [{ KEYTURN_AUDIENCE: 'a b' }, 'KEYTURN_AUDIENCE: expected 1 to 255 printable'],
    [{ KEYTURN_ADMIN_PORT: '9001' }, 'KEYTURN_HTTP_PORT and KEYTURN_ADMIN_PORT: expected two ports'],
  ] as Record<string, string>[][])('refuses %j', (env, message) => {
    expect(messageOf(env as Record<string, string>)).toContain(message)
  })
})

describe('the database in the configuration (R20, R54)', () => {
  const url = 'postgres://keyturn:hidden-word@db.test/keyturn'
  const postgres = { KEYTURN_STORE: 'postgres', KEYTURN_DATABASE_URL: url }

  it('is looked at less often than files, unless told otherwise, and may be away for half a day', () => {
    expect(load(postgres).database).toEqual({ url, maxStalenessMs: 12 * 3_600_000 })
    expect(load(postgres).policy.timing.storePollMs).toBe(5000)
    expect(load({ ...postgres, KEYTURN_STORE_POLL: '1s' }).policy.timing.storePollMs).toBe(1000)
    expect(load().database).toBeUndefined()
  })

  it('may be in a file, which is where a password belongs', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'keyturn-config-'))
    const file = join(folder, 'url')
    await writeFile(file, `${url}\n`)
    const inFile = { KEYTURN_STORE: 'postgres', KEYTURN_DATABASE_URL_FILE: file }
    expect(load(inFile).database?.url).toBe(url)
    expect(messageOf({ ...inFile, KEYTURN_DATABASE_URL: url })).toContain('expected one of the two')
    await writeFile(file, JSON.stringify({ databaseUrl: url }))
    expect(messageOf({ KEYTURN_STORE: 'postgres' }, {}, file)).toContain('"databaseUrl" is no setting')
    await rm(folder, { recursive: true })
  })

  it.each<[string, Record<string, string>, string]>([
    ['without one', { KEYTURN_STORE: 'postgres' }, 'KEYTURN_DATABASE_URL: expected the database'],
    [
      'for another store',
      { KEYTURN_DATABASE_URL: url },
      'KEYTURN_DATABASE_URL: expected none, or KEYTURN_STORE',
    ],
    [
      'of another kind',
      { ...postgres, KEYTURN_DATABASE_URL: 'mysql://keyturn:hidden-word@db.test/keyturn' },
      'KEYTURN_DATABASE_URL: expected postgres://',
    ],
    [
      'that may be away for no time',
      { ...postgres, KEYTURN_STORE_MAX_STALENESS: '5s' },
      'KEYTURN_STORE_MAX_STALENESS: expected at least twice KEYTURN_STORE_POLL',
    ],
  ])('is refused %s, and its password is not repeated', (_, env, expected) => {
    expect(messageOf(env)).toContain(expected)
    expect(messageOf(env)).not.toContain('hidden-word')
  })
})

describe('warnings of a database (R19, R54)', () => {
  const KEK = Buffer.alloc(32, 1).toString('base64')
  const warningsOf = (url: string, env: Record<string, string> = { KEYTURN_KEYS_ENCRYPTION_KEY: KEK }) =>
    load({
      KEYTURN_STORE: 'postgres',
      KEYTURN_DATABASE_URL: `postgres://keyturn:hidden-word@${url}`,
      ...env,
    }).warnings

  it.each([
    'db.test/keyturn',
    'db.test/keyturn?sslmode=disable',
    'db.test/keyturn?sslmode=no-verify',
    'db.test/keyturn?uselibpqcompat=true&sslmode=require',
    'db.test/keyturn?ssl=0',
    'localhost/keyturn?host=db.test',
  ])('tell of a server that proves nothing: %s', (url) => {
    const [line, ...others] = warningsOf(url)
    expect(line).toMatch(/^KEYTURN_DATABASE_URL: anybody on the way .* sslmode=verify-full$/)
    expect(others).toEqual([])
  })

  it.each([
    'db.test/keyturn?sslmode=verify-full',
    'db.test/keyturn?sslmode=require',
    'db.test/keyturn?uselibpqcompat=true&sslmode=verify-ca&sslrootcert=ca.pem',
    'db.test/keyturn?ssl=true',
    '127.0.0.1/keyturn',
    '[::1]:5432/keyturn',
    '%2Frun%2Fpostgresql/keyturn',
    'localhost/keyturn?sslmode=disable',
  ])('say nothing of %s', (url) => {
    expect(warningsOf(url)).toEqual([])
  })

  it('go by PGSSLMODE where the URL says nothing, as the driver does', () => {
    const env = { KEYTURN_KEYS_ENCRYPTION_KEY: KEK }
    expect(warningsOf('db.test/keyturn', { ...env, PGSSLMODE: 'verify-full' })).toEqual([])
    expect(warningsOf('db.test/keyturn', { ...env, PGSSLMODE: 'no-verify' })).toHaveLength(1)
  })

  it('tell of private keys in clear', () => {
    expect(warningsOf('localhost/keyturn', {})).toEqual([
      expect.stringMatching(/^KEYTURN_DATABASE_URL: the private keys are in the database in clear/),
    ])
  })
})

describe('scheduled backups in the configuration (R21, R54)', () => {
  it('are none unless there is a folder for them', () => {
    expect(load().backups).toBeUndefined()
    expect(load({ KEYTURN_BACKUP_DIR: '/backups' }).backups).toEqual({
      dir: '/backups',
      intervalMs: 86_400_000,
      keep: 14,
    })
  })

  it.each<[string, Record<string, string>, string]>([
    ['none at all are to be kept', { KEYTURN_BACKUP_KEEP: '0' }, 'KEYTURN_BACKUP_KEEP: expected a number'],
    ['there are to be too many', { KEYTURN_BACKUP_KEEP: '1001' }, 'KEYTURN_BACKUP_KEEP: expected a number'],
    ['the number is none', { KEYTURN_BACKUP_KEEP: '1.5' }, 'KEYTURN_BACKUP_KEEP: expected a number'],
    [
      'they are made all the time',
      { KEYTURN_BACKUP_INTERVAL: '10ms' },
      'KEYTURN_BACKUP_INTERVAL: expected at',
    ],
    ['keys are not to be on disk', { KEYTURN_STORE: 'memory' }, 'KEYTURN_BACKUP_DIR: expected none'],
    ['they go with the data', { KEYTURN_DATA_DIR: '/backups' }, 'KEYTURN_BACKUP_DIR: expected another'],
    [
      'they go with the keys',
      { KEYTURN_BACKUP_DIR: './data/keys/old' },
      'KEYTURN_BACKUP_DIR: expected another',
    ],
  ])('are refused where %s', (_, env, message) => {
    expect(messageOf({ KEYTURN_BACKUP_DIR: '/backups', ...env })).toContain(message)
  })

  const KEK = Buffer.alloc(32, 1).toString('base64')

  it('are warned of where they hold private keys in clear, or are lost with the data', () => {
    expect(load().warnings).toEqual([])
    expect(load({ KEYTURN_BACKUP_DIR: '/backups', KEYTURN_KEYS_ENCRYPTION_KEY: KEK }).warnings).toEqual([])
    expect(load({ KEYTURN_BACKUP_DIR: '/backups' }).warnings).toEqual([
      expect.stringMatching(/^KEYTURN_BACKUP_DIR: backups hold private keys in clear/),
    ])
    for (const KEYTURN_BACKUP_DIR of ['./data/backups', './data/keys-old']) {
      const { warnings } = load({ KEYTURN_BACKUP_DIR, KEYTURN_KEYS_ENCRYPTION_KEY: KEK })
      expect(warnings).toEqual([expect.stringContaining('it is in the data folder')])
    }
  })
})
