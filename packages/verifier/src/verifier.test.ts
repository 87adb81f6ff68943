import { availableAlgorithms } from '@keyturn/core'
import { testIssuer } from '@keyturn/testing'
import { describe, expect, it, vi } from 'vitest'
import { createMultiVerifier } from './multi-verifier.ts'
import { closeAfterwards, openVerifier } from './open-verifier.fixture.ts'
import { createVerifier, type Verifier } from './verifier.ts'

const open = openVerifier
/** What both ways of verifying say; they must agree. */
async function outcomeOf(verifier: Verifier, token: unknown) {
  const later = await verifier.verify(token).then(
    () => 'accepted',
    (error) => `${error.name} ${error.code}`,
  )
  let now = 'accepted'
  try {
    verifier.verifySync(token)
  } catch (error) {
    const { name, code } = error as { name: string; code: string }
    now = `${name} ${code}`
  }
  expect(now).toBe(later)
  return later
}
const seconds = (ms: number) => Math.floor(ms / 1000)

describe('JWKSAuthentication (R2, R33, R42, R63)', () => {
  it('gives the session of a user', async () => {
    const { clock, issuer, verifier } = await open()
    const jwt = await issuer.token({ sub: 'alice', role: 2, jti: 't1', scope: 'read write' })
    const token = await verifier.verify(jwt)
    expect(verifier.session(token)).toEqual({
      kind: 'user',
      userId: 'alice',
      role: 'admin',
      verified: true,
      tokenId: 't1',
      clientId: 'client-1',
      scopes: ['read', 'write'],
      expiresAt: (seconds(clock.now()) + 3600) * 1000,
      claims: token.claims,
    })
    expect(verifier.verifySync(jwt)).toEqual(token)
    expect(Object.isFrozen(token.claims)).toBe(true)
  })

  it('gives the session of a client, which has no user', async () => {
    const { issuer, verifier } = await open()
    const token = await verifier.verify(await issuer.clientToken())
    expect(verifier.session(token)).toMatchObject({ kind: 'client', userId: undefined, role: undefined })
  })

  it.each(availableAlgorithms())('verifies %s without being told of it', async (algorithm) => {
    const issuer = await testIssuer({ algorithm })
    const verifier = createVerifier(issuer.verifierOptions)
    closeAfterwards(verifier)
    await verifier.ready()
    expect(await outcomeOf(verifier, await issuer.token())).toBe('accepted')
    expect(await outcomeOf(verifier, await issuer.forgedToken())).toBe('TokenRejected signature_invalid')
  })

  it('accepts only the algorithms that it was told', async () => {
    const { issuer, verifier } = await open({ algorithms: ['RS256'] })
    expect(await outcomeOf(verifier, await issuer.token())).toBe('TokenRejected header_alg_refused')
  })

  it('accepts only the kind of token that it was told', async () => {
    const { issuer, verifier } = await open()
    await verifier.ready()
    const token = await issuer.token({}, { typ: 'JWT' })
    expect(await outcomeOf(verifier, token)).toBe('TokenRejected header_typ_refused')
  })

  it.each([undefined, null, 42, {}, '', 'x', 'a.b', 'a.b.c.d', 'ä.b.c'])(
    'refuses %j without a fetch, as a bad token and not as a bug',
    async (token) => {
      const { endpoint, verifier } = await open()
      expect(await outcomeOf(verifier, token)).toMatch(/^TokenRejected token_/)
      expect(endpoint.fetches).toBe(0)
    },
  )

  it('tells a bad token from keys that cannot be had, and counts both', async () => {
    const { issuer, endpoint, verifier } = await open()
    endpoint.fail()
    const token = await issuer.token()
    expect(await outcomeOf(verifier, token)).toBe('KeysUnavailable keys_unavailable')
    expect(await outcomeOf(verifier, 'x')).toBe('TokenRejected token_malformed')
    expect(verifier.health().verifications).toEqual({ keys_unavailable: 2, token_malformed: 2 })
  })

  it("takes a caller's check for a bug when that throws, and counts it for no token", async () => {
    const check = () => {
      throw new RangeError('a bug')
    }
    const { issuer, verifier } = await open({ check })
    await verifier.ready()
    expect(await outcomeOf(verifier, await issuer.token())).toBe('RangeError undefined')
    expect(verifier.health().verifications).toEqual({})
  })
})

describe('JWKSInvalidIssuer (R33, R63)', () => {
  it.each(['https://issuer.test/', 'https://ISSUER.test', 'https://evil.test', ['https://issuer.test'], 7])(
    'refuses iss %j',
    async (iss) => {
      const { issuer, verifier } = await open()
      await verifier.ready()
      expect(await outcomeOf(verifier, await issuer.token({ iss }))).toBe('TokenRejected issuer_mismatch')
    },
  )

  it('refuses the token of another issuer, who has keys of his own', async () => {
    const { issuer, verifier } = await open()
    const other = await testIssuer({ issuer: issuer.issuer })
    expect(await outcomeOf(verifier, await other.token())).toBe('TokenRejected key_unknown')
  })

  it.each([[[]], ['https://other.test'], [['https://other.test']], [undefined]])(
    'refuses aud %j',
    async (aud) => {
      const { issuer, verifier } = await open()
      await verifier.ready()
      expect(await outcomeOf(verifier, await issuer.token({ aud }))).toMatch(
        /^TokenRejected (audience|claim)_/,
      )
    },
  )
})

describe('JWKSExpiredToken (R33, R63)', () => {
  it('is refused as expired, whatever else', async () => {
    const { issuer, verifier } = await open()
    await verifier.ready()
    expect(await outcomeOf(verifier, await issuer.expiredToken())).toBe('TokenRejected token_expired')
  })

  it('is refused from its end and the tolerance on', async () => {
    const { clock, issuer, verifier } = await open({ clockToleranceSeconds: 10 })
    await verifier.ready()
    const token = await issuer.token({ exp: seconds(clock.now()) + 60 })
    await clock.advance(69_999)
    expect(await outcomeOf(verifier, token)).toBe('accepted')
    await clock.advance(1)
    expect(await outcomeOf(verifier, token)).toBe('TokenRejected token_expired')
  })

  it('is refused for its signature when that is bad too', async () => {
    const { clock, issuer, verifier } = await open()
    await verifier.ready()
    const token = await issuer.forgedToken({ exp: seconds(clock.now()) - 3600 })
    expect(await outcomeOf(verifier, token)).toBe('TokenRejected signature_invalid')
  })

  it.each([undefined, 0, null, '4102444800', 4102444800.5])('is also one with exp %j', async (exp) => {
    const { issuer, verifier } = await open()
    await verifier.ready()
    expect(await outcomeOf(verifier, await issuer.token({ exp }))).toMatch(/^TokenRejected (claim|token)_/)
  })
})

describe('options of a verifier (R33, R37)', () => {
  const good = { issuer: 'https://auth.example', audience: 'orders' }
  it.each([
    ['jwks_url_invalid', { issuer: 'supermq.auth' }],
    ['jwks_url_invalid', { issuer: 'https://auth.example?tenant=1' }],
    ['jwks_url_invalid', { issuer: 'https://auth.example#x' }],
    ['jwks_url_invalid', { issuer: 'ftp://auth.example' }],
    ['jwks_url_invalid', { issuer: 'http://auth.example' }],
    ['jwks_url_invalid', { jwksUrl: 'http://keys.example' }],
    ['expectations_invalid', { audience: '' }],
    ['expectations_invalid', { clockToleranceSeconds: 61 }],
    ['verifier_options_invalid', { timeoutSeconds: 0 }],
    ['verifier_options_invalid', { timeoutSeconds: Number.NaN }],
    ['verifier_options_invalid', { minCacheSeconds: 0 }],
    ['verifier_options_invalid', { minCacheSeconds: '60' as never }],
    ['verifier_options_invalid', { minCacheSeconds: 61, maxCacheSeconds: 60 }],
    ['verifier_options_invalid', { staleIfErrorSeconds: -1 }],
    ['verifier_options_invalid', { staleIfErrorSeconds: Number.POSITIVE_INFINITY }],
    ['verifier_options_invalid', { ca: 'no certificate' }],
  ])('refused as %s: %j', (code, options) => {
    expect(() => createVerifier({ ...good, ...options })).toThrow(expect.objectContaining({ code }))
  })

  it('are none that it inherits: neither is one lost, nor does one come from elsewhere', () => {
    class Options {
      readonly issuer = 'https://auth.example'
      readonly audience = 'orders'
      check() {
        return false
      }
    }
    const refused = expect.objectContaining({ code: 'verifier_options_invalid' })
    expect(() => createVerifier(new Options())).toThrow(refused)
    expect(() => createMultiVerifier([new Options()])).toThrow(refused)
    const polluted: { jwksUrl?: string } = Object.prototype
    polluted.jwksUrl = 'https://elsewhere.example'
    const verifier = createVerifier(good)
    delete polluted.jwksUrl
    expect(verifier.health().url).toBe('https://auth.example/.well-known/jwks.json')
  })

  it.each([
    ['https://auth.example/', 'https://auth.example/.well-known/jwks.json'],
    ['https://auth.example/tenant//', 'https://auth.example/tenant/.well-known/jwks.json'],
    ['HTTP://LOCALHOST:9001', 'http://localhost:9001/.well-known/jwks.json'],
  ])('looks for the keys of %s below it', (issuer, url) => {
    expect(createVerifier({ ...good, issuer }).health()).toMatchObject({ url, status: 'unavailable' })
  })

  it('takes keys whose kid is no thumbprint only from an issuer that may have such', async () => {
    const { issuer, endpoint, verifier } = await open()
    endpoint.serve({ keys: [{ ...issuer.jwks().keys[0], kid: '2026-01' }] })
    await expect(verifier.ready()).rejects.toMatchObject({ code: 'keys_unavailable' })
    const lenient = createVerifier({ ...issuer.verifierOptions, allowForeignKids: true })
    closeAfterwards(lenient)
    await lenient.ready()
    expect(lenient.health().kids).toEqual(['2026-01'])
  })
})

describe('health and events of a verifier (R45)', () => {
  it('tells state, age, source and what was done, and does no I/O for it', async () => {
    const { clock, issuer, endpoint, verifier } = await open()
    expect(verifier.health()).toMatchObject({ status: 'unavailable', ageSeconds: undefined, kids: [] })
    expect(endpoint.fetches).toBe(0)
    await verifier.ready()
    await clock.advance(90_500)
    expect(verifier.health()).toEqual({
      status: 'fresh',
      source: 'remote',
      url: 'https://issuer.test/.well-known/jwks.json',
      circuit: 'closed',
      kids: issuer.jwks().keys.map(({ kid }) => kid),
      ageSeconds: 90,
      consecutiveFailures: 0,
      lastError: undefined,
      refreshes: { success: 1, failure: 0 },
      verifications: {},
      tokenCache: { size: 0, hits: 0 },
    })
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('listener')
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('listener')
      },
    ],
    [
      'throws no Error',
      () => {
        throw 'listener'
      },
    ],
  ])('is disturbed by no listener that %s, and warns', async (_, onEvent) => {
    const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const { issuer, verifier } = await open({ onEvent })
    expect(await outcomeOf(verifier, await issuer.token())).toBe('accepted')
    expect(verifier.health()).toMatchObject({ status: 'fresh', lastError: undefined })
    expect(warnings).toHaveBeenCalledOnce()
    warnings.mockRestore()
  })
})
