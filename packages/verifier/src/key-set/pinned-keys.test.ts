import { parseJwkSet, systemClock } from '@keyturn/core'
import { codeOf, fakeClock, testIssuer } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import { openVerifier } from '../open-verifier.fixture.ts'
import { createVerifier } from '../verifier.ts'
import { PinnedKeySet } from './pinned-key-set.ts'

const SECOND = 1000

describe('a cold start from pinned keys (R38, R39)', () => {
  it('goes by them while the endpoint fails, and never again once it has answered', async () => {
    const clock = fakeClock()
    const issuer = await testIssuer({ clock })
    const opened = await openVerifier({ pinnedKeys: issuer.jwks(), clock })
    const token = await issuer.token()
    opened.endpoint.fail()
    expect(await codeOf(opened.verifier.verify(token))).toBe('none')
    expect(opened.verifier.health()).toMatchObject({
      status: 'stale',
      source: 'pinned',
      ageSeconds: undefined,
    })
    expect(opened.events[0]).toMatchObject({ kind: 'fallback-keys-used', source: 'pinned' })
    const unknown = await (await testIssuer({ clock })).token()
    expect(await codeOf(opened.verifier.verify(unknown))).toBe('keys_unavailable')
    opened.endpoint.recover()
    await clock.advance(SECOND)
    expect(await codeOf(opened.verifier.verify(token))).toBe('key_unknown')
    opened.endpoint.fail()
    await clock.advance(10_000 * SECOND)
    expect(await codeOf(opened.verifier.verify(token))).toBe('keys_unavailable')
  })

  it('waits for the endpoint while it may still answer', async () => {
    const { issuer, endpoint, verifier } = await openVerifier({ pinnedKeys: (await testIssuer()).jwks() })
    expect(await codeOf(verifier.verify(await issuer.token()))).toBe('none')
    expect(endpoint.fetches).toBe(1)
    expect(verifier.health().source).toBe('remote')
  })

  it('may be all that there is: nothing is fetched, and other kids are refused', async () => {
    const issuer = await testIssuer()
    const { endpoint, verifier } = await openVerifier({
      jwksUrl: null,
      pinnedKeys: issuer.jwks(),
      clock: systemClock,
    })
    await verifier.ready()
    expect(verifier.verifySync(await issuer.token()).claims.sub).toBe('user-1')
    const unknown = await (await testIssuer()).token()
    expect(await codeOf(verifier.verify(unknown))).toBe('key_unknown')
    expect(() => verifier.verifySync(unknown)).toThrow(expect.objectContaining({ code: 'key_unknown' }))
    expect(verifier.health()).toMatchObject({
      status: 'fresh',
      source: 'pinned',
      url: undefined,
      kids: issuer.jwks().keys.map(({ kid }) => kid),
      circuit: 'closed',
      consecutiveFailures: 0,
      refreshes: { success: 0, failure: 0 },
    })
    expect(endpoint.fetches).toBe(0)
  })

  it('are found by who looks for them, as by who asks', async () => {
    const set = parseJwkSet(Buffer.from(JSON.stringify((await testIssuer()).jwks())))
    const pinned = new PinnedKeySet(set, fakeClock())
    for (const [kid, key] of set.keys)
      expect([pinned.find(kid), await pinned.lookFor(kid)]).toEqual([key, key])
  })

  it('are no use once the last of them has ended, and health says so', async () => {
    const { clock, issuer } = await openVerifier()
    const exp = clock.now() / 1000 + 60
    const keys = issuer.jwks().keys.map((key) => ({ ...key, exp }))
    const { verifier } = await openVerifier({ jwksUrl: null, pinnedKeys: { keys }, clock })
    await clock.advance(59_999)
    expect(verifier.health().status).toBe('fresh')
    await clock.advance(1)
    expect(verifier.health().status).toBe('unavailable')
  })

  it('is not set up with what is no public key', async () => {
    const { keys } = (await testIssuer()).jwks()
    const refused = expect.objectContaining({ code: 'verifier_options_invalid' })
    for (const options of [
      { jwksUrl: null },
      { pinnedKeys: { keys: [] } },
      { pinnedKeys: { keys: [keys[0] as object, { kty: 'oct', k: 'c2VjcmV0' }] } },
      { pinnedKeys: keys as never },
    ]) {
      expect(() => createVerifier({ issuer: 'https://a.example', audience: 'b', ...options })).toThrow(
        refused,
      )
    }
  })
})

describe('keys whose thumbprints are pinned (R39)', () => {
  it('are named by whole thumbprints, and at least one', async () => {
    const { issuer } = await openVerifier()
    const refused = expect.objectContaining({ code: 'verifier_options_invalid' })
    for (const pinnedThumbprints of [[], ['typo'], [issuer.kid, `${issuer.kid}=`], [` ${issuer.kid}`]]) {
      const options = { ...issuer.verifierOptions, pinnedThumbprints }
      expect(() => createVerifier(options), JSON.stringify(pinnedThumbprints)).toThrow(refused)
    }
  })

  it('are the only ones of the set', async () => {
    const { issuer, endpoint, clock } = await openVerifier()
    const pinned = { pinnedThumbprints: [issuer.kid], fetch: endpoint.fetch, clock }
    const { verifier, events } = await openVerifier(pinned)
    expect(await codeOf(verifier.verify(await issuer.token()))).toBe('none')
    expect(events[0]).toMatchObject({
      kind: 'keys-replaced',
      added: [issuer.kid],
      skipped: ['key_not_pinned'],
    })
    await issuer.rotate()
    expect(await codeOf(verifier.verify(await issuer.token()))).toBe('key_unknown')
    expect(endpoint.fetches).toBe(2)
  })
})
