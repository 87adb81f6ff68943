import { codeOf, testIssuer } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import { openVerifier } from '../open-verifier.fixture.ts'
import type { VerifierOptions } from '../verifier-options.ts'

const open = (options: Partial<VerifierOptions> = {}, cacheControl?: string) =>
  openVerifier({ random: () => 0, ...options }, cacheControl)
const SECOND = 1000

describe('JWKSCache: one fetch for all (R35)', () => {
  it('makes one fetch for 10,000 verifications at a cold start', async () => {
    const { issuer, endpoint, verifier } = await open()
    const token = await issuer.token()
    expect(endpoint.fetches).toBe(0)
    const tokens = await Promise.all(Array.from({ length: 10_000 }, () => verifier.verify(token)))
    expect(tokens.every(({ claims }) => claims.sub === 'user-1')).toBe(true)
    expect(endpoint.fetches).toBe(1)
    expect(verifier.health().verifications).toEqual({ accepted: 10_000 })
  }, 30_000)

  it('makes one fetch for everybody who waits to be ready', async () => {
    const { endpoint, verifier } = await open()
    await Promise.all([verifier.ready(), verifier.ready(), verifier.ready()])
    await verifier.ready()
    expect(endpoint.fetches).toBe(1)
  })

  it('fetches nothing for a known kid, whatever its signature', async () => {
    const { issuer, endpoint, verifier } = await open()
    await verifier.ready()
    const forged = await issuer.forgedToken()
    for (let attempt = 0; attempt < 10; attempt++)
      expect(await codeOf(verifier.verify(forged))).toBe('signature_invalid')
    expect(endpoint.fetches).toBe(1)
  })
})

describe('JWKSCache: refreshed ahead (R35)', () => {
  it.each([
    [0, 0.8],
    [1, 0.7],
  ])('asks again in the background before the set ends (random %f)', async (random, part) => {
    const { clock, endpoint, verifier } = await open({ random: () => random })
    await verifier.ready()
    await clock.advance(part * 900 * SECOND - 1)
    expect(endpoint.fetches).toBe(1)
    await clock.advance(1)
    expect(endpoint.fetches).toBe(2)
    await clock.advance(10 * 900 * SECOND)
    expect(verifier.health()).toMatchObject({ status: 'fresh', refreshes: { failure: 0 } })
    expect(clock.pendingTimers).toBe(1)
  })

  it('sends the ETag, and keeps the set at 304', async () => {
    const { clock, issuer, endpoint, verifier, events } = await open()
    const token = await issuer.token({ exp: Math.floor(clock.now() / 1000) + 7200 })
    await verifier.ready()
    await clock.advance(3600 * SECOND)
    expect(endpoint.fetches).toBe(6)
    expect(endpoint.confirmations).toBe(5)
    expect(await codeOf(verifier.verify(token))).toBe('none')
    expect(events.map(({ kind }) => kind)).toEqual(['keys-replaced', ...Array(5).fill('keys-confirmed')])
  })

  it('reckons the age from the question, not from the answer', async () => {
    const { clock, issuer, endpoint, verifier } = await open({ timeoutSeconds: 60, staleIfErrorSeconds: 0 })
    endpoint.fail('hang')
    const ready = verifier.ready()
    await clock.advance(50 * SECOND)
    endpoint.recover()
    await ready
    expect(verifier.health().ageSeconds).toBe(50)
    endpoint.fail()
    await clock.advance(670 * SECOND)
    expect(endpoint.fetches).toBe(2)
    await clock.advance(180 * SECOND)
    expect(await codeOf(verifier.verify(await issuer.token()))).toBe('keys_unavailable')
  })

  it('pauses between fetches even when answers are as slow as the set is short-lived', async () => {
    const { clock, endpoint, verifier } = await open({ minCacheSeconds: 0.001, maxCacheSeconds: 0.001 })
    await verifier.ready()
    await clock.advance(SECOND)
    expect(endpoint.fetches).toBe(11)
  })

  it('asks on for the set that it has, though a 304 names another', async () => {
    const asked: (string | undefined)[] = []
    const { clock, endpoint, verifier } = await open({
      fetch: async (question) => {
        asked.push(question.etag)
        const response = await endpoint.fetch(question)
        return response.status === 304 ? { ...response, etag: '"of another set"' } : response
      },
    })
    await verifier.ready()
    await clock.advance(3600 * SECOND)
    expect(new Set(asked.slice(1)).size).toBe(1)
    expect(asked).not.toContain('"of another set"')
    expect(endpoint.confirmations).toBe(asked.length - 1)
  })

  it.each([206, 404, 500, undefined])('takes no set that came with status %s', async (status) => {
    const { endpoint, verifier } = await open({
      fetch: async (question) => ({ ...(await endpoint.fetch(question)), status }) as never,
    })
    await expect(verifier.ready()).rejects.toMatchObject({
      code: 'keys_unavailable',
      remedy: expect.stringMatching(/^the endpoint answers: /),
    })
    expect(verifier.health().lastError).toBe('fetch_status')
  })

  it.each([
    ['unavailable', /cannot be had now \(fetch_status 503\)$/],
    ['redirect', /cannot be had now \(fetch_status 302\)$/],
    ['mistyped', /cannot be had now \(fetch_media_type\)$/],
  ] as const)(
    'says with which status it is answered where that is what is wrong: %s',
    async (fault, message) => {
      const { endpoint, verifier } = await open()
      endpoint.fail(fault)
      await expect(verifier.ready()).rejects.toMatchObject({ message: expect.stringMatching(message) })
    },
  )

  it('says whether an endpoint does not answer', async () => {
    const { endpoint, verifier } = await open()
    endpoint.fail()
    await expect(verifier.ready()).rejects.toMatchObject({
      code: 'keys_unavailable',
      remedy: 'check that the key set URL answers from this machine',
    })
    expect(verifier.health().lastError).toBe('fetch_network')
  })

  it('takes no 304 that it did not ask for', async () => {
    const fetch = async () =>
      ({ status: 304, etag: undefined, cacheControl: undefined, age: undefined }) as const
    const { verifier } = await open({ fetch })
    expect(await codeOf(verifier.ready())).toBe('keys_unavailable')
    expect(verifier.health().lastError).toBe('fetch_status')
  })

  it('takes no 304 for a set that came without an ETag', async () => {
    const { clock, issuer, endpoint, verifier } = await open({
      async fetch(question) {
        const response = await endpoint.fetch(question)
        return { ...response, ...(endpoint.fetches > 1 ? { status: 304 } : {}), etag: undefined }
      },
    })
    await verifier.ready()
    await clock.advance(720 * SECOND)
    expect(verifier.health()).toMatchObject({ status: 'stale', lastError: 'fetch_status' })
    expect(await codeOf(verifier.verify(await issuer.token()))).toBe('none')
  })
})

describe('JWKSCache: a good set replaces the one before whole (R35, R37)', () => {
  it('knows the new key ahead, and keeps the retired one', async () => {
    const { clock, issuer, endpoint, verifier, events } = await open()
    const before = await issuer.token()
    await verifier.ready()
    await issuer.rotate()
    expect(await codeOf(verifier.verify(await issuer.token()))).toBe('none')
    expect(endpoint.fetches).toBe(1)
    await clock.advance(720 * SECOND)
    expect(await codeOf(verifier.verify(before))).toBe('none')
    expect(events.at(-1)).toMatchObject({ kind: 'keys-replaced', added: [expect.any(String)], removed: [] })
  })

  it('forgets a key that was withdrawn', async () => {
    const { clock, issuer, verifier, events } = await open()
    const token = await issuer.token()
    const { kid } = issuer
    await verifier.verify(token)
    await issuer.revoke()
    await clock.advance(720 * SECOND)
    expect(await codeOf(verifier.verify(token))).toBe('key_unknown')
    expect(verifier.health().kids).not.toContain(kid)
    expect(events).toContainEqual(expect.objectContaining({ kind: 'keys-replaced', removed: [kid] }))
  })

  it.each([
    ['of no keys', { keys: [] }, 'key_set_without_usable_key'],
    [
      'of a shared secret',
      { keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'a', alg: 'HS256' }] },
      'key_set_without_usable_key',
    ],
    ['with too many keys', { keys: Array(33).fill({}) }, 'key_set_too_large'],
    ['of too many bytes', { keys: [], padding: 'x'.repeat(65_536) }, 'key_set_too_large'],
    ['that is no object', [], 'key_set_malformed'],
    ['without keys', { error: 'maintenance' }, 'key_set_malformed'],
  ])('lets no set %s replace a good one', async (_, document, code) => {
    const { clock, issuer, endpoint, verifier } = await open()
    const token = await issuer.token()
    await verifier.ready()
    endpoint.serve(document)
    await clock.advance(720 * SECOND)
    expect(verifier.health()).toMatchObject({ status: 'stale', lastError: code, consecutiveFailures: 1 })
    expect(await codeOf(verifier.verify(token))).toBe('none')
    expect(verifier.health().kids).toHaveLength(2)
  })

  it('lets no set of private keys replace a good one, and skips one among good ones', async () => {
    const { clock, issuer, endpoint, verifier, events } = await open()
    const { keys, keyturn } = issuer.jwks()
    await verifier.ready()
    endpoint.serve({ keys: keys.map((key) => ({ ...key, d: 'c2VjcmV0' })), keyturn })
    await clock.advance(720 * SECOND)
    expect(verifier.health().lastError).toBe('key_set_without_usable_key')
    endpoint.serve({ keys: [{ ...keys[0], d: 'c2VjcmV0' }, keys[1]], keyturn })
    await clock.advance(SECOND)
    expect(events.at(-1)).toMatchObject({ kind: 'keys-replaced', skipped: ['key_private'] })
    expect(verifier.health()).toMatchObject({ status: 'fresh', kids: [keys[1]?.kid] })
  })

  it('takes no older set of the same ring, and an older version of another', async () => {
    const { clock, issuer, endpoint, verifier } = await open()
    await issuer.rotate()
    await verifier.ready()
    endpoint.fail('older')
    await clock.advance(720 * SECOND)
    expect(verifier.health()).toMatchObject({ lastError: 'key_set_older', status: 'stale' })
    const other = await testIssuer({ clock })
    endpoint.serve(other.jwks())
    await clock.advance(SECOND)
    expect(verifier.health()).toMatchObject({ status: 'fresh', lastError: undefined })
  })
})

describe('JWKSCache: the end of a verifier', () => {
  it('leaves no timer, and asks no more', async () => {
    const { clock, endpoint, verifier } = await open()
    await verifier.ready()
    verifier.close()
    verifier.close()
    expect(clock.pendingTimers).toBe(0)
    await clock.advance(3600 * SECOND)
    expect(endpoint.fetches).toBe(1)
  })

  it('breaks off the question that is under way, and says nothing of it', async () => {
    const { clock, endpoint, verifier, events } = await open()
    endpoint.fail('hang')
    const ready = codeOf(verifier.ready())
    verifier.close()
    expect(await ready).toBe('keys_unavailable')
    expect(events).toEqual([])
    expect(clock.pendingTimers).toBe(0)
  })

  it('takes no answer that comes later', async () => {
    const { clock, endpoint, verifier, events } = await open()
    const ready = codeOf(verifier.ready())
    verifier.close()
    await clock.advance(0)
    expect(await ready).toBe('keys_unavailable')
    expect([endpoint.fetches, events, clock.pendingTimers]).toEqual([1, [], 0])
  })

  it('says nothing of an answer that came in the same moment', async () => {
    const { endpoint, verifier, events, clock } = await open({
      fetch(question) {
        const answer = endpoint.fetch(question)
        void answer.then(() => verifier.close())
        return answer
      },
    })
    expect(await codeOf(verifier.ready())).toBe('keys_unavailable')
    expect([endpoint.fetches, events, clock.pendingTimers]).toEqual([1, [], 0])
  })

  it('answers at once whoever asks after it, without a fetch', async () => {
    const { issuer, endpoint, verifier } = await open()
    verifier.close()
    expect(await codeOf(verifier.ready())).toBe('keys_unavailable')
    expect(await codeOf(verifier.verify(await issuer.token()))).toBe('keys_unavailable')
    expect(endpoint.fetches).toBe(0)
  })

  it('may come from its own listener', async () => {
    const { clock, verifier } = await open({ onEvent: () => verifier.close() })
    await verifier.ready()
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('JWKSCache: a set that says when the next key signs (R35)', () => {
  it('is asked for again before that', async () => {
    const { clock, issuer, endpoint, verifier } = await open()
    const { keys, keyturn } = issuer.jwks()
    const next_activation = Math.floor(clock.now() / 1000) + 300
    endpoint.serve({ keys, keyturn: { ...keyturn, next_activation } })
    await verifier.ready()
    await clock.advance(269 * SECOND)
    expect(endpoint.fetches).toBe(1)
    await clock.advance(SECOND)
    expect(endpoint.fetches).toBe(2)
  })
})
