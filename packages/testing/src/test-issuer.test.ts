import { availableAlgorithms, parseJwkSet, TokenChecker } from '@keyturn/core'
import { createVerifier } from '@keyturn/verifier'
import { decodeProtectedHeader } from 'jose'
import { describe, expect, it } from 'vitest'
import { codeOf } from './code-of.ts'
import { fakeClock } from './fake-clock.ts'
import { type TestIssuer, type TestIssuerOptions, testIssuer } from './test-issuer.ts'

const kidOf = (jwt: string) => decodeProtectedHeader(jwt).kid ?? ''

async function open(options: TestIssuerOptions = {}) {
  const clock = fakeClock()
  const issuer = await testIssuer({ clock, ...options })
  return { clock, issuer, check: (jwt: string) => check(issuer, jwt, clock.now()) }
}
/** What a service finds that has the set as it is now. */
function check(issuer: TestIssuer, jwt: string, now: number) {
  const checker = new TokenChecker({ issuer: issuer.issuer, audience: issuer.audience })
  const parsed = checker.parse(jwt)
  const key = parseJwkSet(Buffer.from(JSON.stringify(issuer.jwks()))).keys.get(parsed.header.kid)
  if (key === undefined) return 'withdrawn'
  try {
    return checker.verify(parsed, key, now).claims
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('options of a test issuer', () => {
  it('are refused where they mean nothing, as is a fault that nobody has', async () => {
    await expect(testIssuer({ clok: fakeClock() } as never)).rejects.toMatchObject({
      code: 'issuer_options_invalid',
      remedy: 'did you mean clock?',
    })
    const { endpoint } = await testIssuer()
    expect(() => endpoint.fail('hung' as never)).toThrow(expect.objectContaining({ code: 'fault_unknown' }))
  })
})

describe('an issuer for tests (R46)', () => {
  it.each(availableAlgorithms())('makes good %s tokens of a user', async (algorithm) => {
    const { issuer, check } = await open({ algorithm })
    const jwt = await issuer.token({ sub: 'alice' })
    expect(decodeProtectedHeader(jwt)).toEqual({ alg: algorithm, kid: issuer.kid, typ: 'at+jwt' })
    expect(check(jwt)).toMatchObject({
      sub: 'alice',
      type: 0,
      role: 1,
      verified: true,
      client_id: 'client-1',
    })
  })

  it('leaves out a claim that is given as undefined', async () => {
    const { issuer, check } = await open()
    expect(check(await issuer.token({ jti: undefined }))).toBe('claim_missing')
  })

  it('makes tokens that are expired or forged, and nothing else wrong', async () => {
    const { issuer, check } = await open()
    expect(check(await issuer.expiredToken())).toBe('token_expired')
    expect(check(await issuer.forgedToken())).toBe('signature_invalid')
  })

  it('makes good tokens of a client, which has no user', async () => {
    const { issuer, check } = await open()
    const claims = check(await issuer.clientToken({ scope: 'write' }))
    expect(claims).toMatchObject({ sub: 'client-1', client_id: 'client-1', scope: 'write' })
    for (const claim of ['type', 'role', 'verified']) expect(claims).not.toHaveProperty(claim)
  })

  it('makes verifiers that trust it, by its own clock', async () => {
    const { clock, issuer } = await open({ issuer: 'https://auth.test', audience: 'orders' })
    const verifier = createVerifier(issuer.verifierOptions)
    const token = await issuer.token()
    expect((await verifier.verify(token)).claims).toMatchObject({ iss: 'https://auth.test', aud: 'orders' })
    await clock.advance(3605 * 1000)
    expect(await codeOf(verifier.verify(token))).toBe('token_expired')
    verifier.close()
  })

  it('signs its set under a root key when it is told so, and has its verifiers pin that one (R30)', async () => {
    const { issuer } = await open({ rootKey: true })
    const other = await open({ rootKey: true, issuer: issuer.issuer })
    const verifier = createVerifier(issuer.verifierOptions)
    expect(await codeOf(verifier.verify(await issuer.token()))).toBe('none')
    expect(issuer.verifierOptions.rootKeys?.keys).toEqual([
      expect.objectContaining({ kid: verifier.health().rootKid }),
    ])
    verifier.close()
    const misled = createVerifier({ ...issuer.verifierOptions, fetch: other.issuer.endpoint.fetch })
    expect(await codeOf(misled.verify(await issuer.token()))).toBe('keys_unavailable')
    expect(misled.health().lastError).toBe('key_set_root_unknown')
    misled.close()
    expect((await testIssuer()).verifierOptions).not.toHaveProperty('rootKeys')
  })

  it('publishes no private member', async () => {
    const { issuer } = await open()
    for (const key of issuer.jwks().keys) expect(key).not.toHaveProperty('d')
  })

  it('signs with the next key after a rotation, and publishes the one before until its tokens end', async () => {
    const { clock, issuer, check } = await open()
    const [, next] = issuer.jwks().keys
    const before = await issuer.token()
    await issuer.rotate()
    expect(kidOf(await issuer.token())).toBe(next?.kid)
    expect(check(before)).toMatchObject({ sub: 'user-1' })
    expect(issuer.jwks().keys).toHaveLength(3)
    await clock.advance(3615 * 1000)
    expect(check(before)).toBe('withdrawn')
    expect(issuer.jwks().keyturn?.version).toBe(2)
  })

  it('withdraws the active key, the next one or a retired one', async () => {
    const { issuer, check } = await open()
    const first = await issuer.token()
    await issuer.rotate()
    const second = await issuer.token()
    await issuer.revoke()
    expect([check(second), check(await issuer.token())]).toMatchObject(['withdrawn', { sub: 'user-1' }])
    await issuer.revoke(kidOf(first))
    expect(check(first)).toBe('withdrawn')
    const [, next] = issuer.jwks().keys
    await issuer.revoke(next?.kid)
    expect(issuer.jwks().keys).toHaveLength(2)
    expect(issuer.jwks().keys).not.toContainEqual(next)
  })
})
