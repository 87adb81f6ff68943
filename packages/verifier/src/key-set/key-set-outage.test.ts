import { codeOf, testIssuer } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import { openVerifier } from '../open-verifier.fixture.ts'
import type { VerifierOptions } from '../verifier-options.ts'
import type { FetchKeySet } from './http-fetch.ts'
import { KeySetFetchFailed } from './key-set-fetch-failed.ts'

async function open(options: Partial<VerifierOptions> = {}) {
  const made = await openVerifier(options)
  const stranger = await testIssuer({ clock: made.clock })
  return { ...made, unknown: await stranger.token() }
}
const caught = (action: () => unknown) => {
  try {
    return action()
  } catch (error) {
    return error
  }
}
const SECOND = 1000
const REFRESH = 630 * SECOND

describe('JWKSFetchError: a cold start while the endpoint is down (R37, R40)', () => {
  it('is KeysUnavailable with the time of the next attempt', async () => {
    const { issuer, endpoint, verifier } = await open()
    endpoint.fail()
    const error = await verifier.verify(await issuer.token()).catch((it) => it)
    expect(error).toMatchObject({ name: 'KeysUnavailable', code: 'keys_unavailable', retryAfterSeconds: 1 })
    expect(verifier.health()).toMatchObject({ status: 'unavailable', lastError: 'fetch_network', kids: [] })
  })

  it('names the URL of the key set, but for a query, which may hold a secret', async () => {
    const { endpoint, verifier } = await open({ jwksUrl: 'https://keys.test/jwks?token=secret' })
    endpoint.fail()
    const error = await verifier.ready().catch((it) => it)
    expect(error.message).toBe('the key set at https://keys.test/jwks cannot be had now (fetch_network)')
    expect(verifier.health().url).toBe('https://keys.test/jwks')
  })

  it('makes one attempt for 10,000 who ask, and none until the next is due', async () => {
    const { clock, issuer, endpoint, verifier } = await open()
    endpoint.fail()
    const token = await issuer.token()
    const codes = await Promise.all(Array.from({ length: 10_000 }, () => codeOf(verifier.verify(token))))
    expect(new Set(codes)).toEqual(new Set(['keys_unavailable']))
    await clock.advance(999)
    for (let ask = 0; ask < 100; ask++) await codeOf(verifier.ready())
    expect(endpoint.fetches).toBe(1)
    await clock.advance(1)
    expect(endpoint.fetches).toBe(2)
  }, 30_000)

  it('recovers by itself, though nobody asks', async () => {
    const { clock, issuer, endpoint, verifier, events } = await open()
    endpoint.fail()
    await codeOf(verifier.ready())
    endpoint.recover()
    await clock.advance(SECOND)
    expect(caught(() => verifier.verifySync('no token'))).toMatchObject({ code: 'token_malformed' })
    expect(verifier.verifySync(await issuer.token()).claims.sub).toBe('user-1')
    expect(events.map(({ kind }) => kind)).toEqual([
      'keys-fetch-failed',
      'circuit-opened',
      'circuit-closed',
      'keys-replaced',
    ])
    expect(verifier.health()).toMatchObject({ consecutiveFailures: 0, refreshes: { success: 1, failure: 1 } })
  })

  it('retries with twice the time each, to 30 seconds at most', async () => {
    const { clock, endpoint, verifier, events } = await open()
    endpoint.fail()
    await codeOf(verifier.ready())
    await clock.advance(200 * SECOND)
    const waits = events.flatMap((event) => (event.kind === 'keys-fetch-failed' ? [event.retryInMs] : []))
    expect(waits.slice(0, 7)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
    expect(events.filter(({ kind }) => kind === 'circuit-opened')).toHaveLength(1)
  })

  it('spreads retries over the whole wait, and never asks without a pause', async () => {
    const { clock, endpoint, verifier } = await open({ random: () => 0 })
    endpoint.fail()
    await codeOf(verifier.ready())
    await clock.advance(SECOND)
    expect(endpoint.fetches).toBe(11)
  })
})

describe('JWKSFetchError: an outage after good times (R35)', () => {
  it('goes on with the keys for a bounded time, and no longer', async () => {
    const { clock, issuer, endpoint, verifier } = await open()
    const token = await issuer.token({ exp: Math.floor(clock.now() / 1000) + 86_400 })
    await verifier.ready()
    endpoint.fail()
    await clock.advance((900 + 3600) * SECOND - 1)
    expect(await codeOf(verifier.verify(token))).toBe('none')
    expect(verifier.health().status).toBe('stale')
    await clock.advance(1)
    expect(await codeOf(verifier.verify(token))).toBe('keys_unavailable')
    expect(caught(() => verifier.verifySync(token))).toMatchObject({ code: 'keys_unavailable' })
    expect(verifier.health().status).toBe('unavailable')
    endpoint.recover()
    await clock.advance(30 * SECOND)
    expect(await codeOf(verifier.verify(token))).toBe('none')
  })

  it.each([
    ['ECONNREFUSED', 'check that the key set URL answers from this machine'],
    [
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'the certificate of the endpoint is not believed: name the CA that made it (ca)',
    ],
    [
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'the certificate of the endpoint is not believed: name the CA that made it (ca)',
    ],
  ])('names the error of the system or of TLS, and what to do: %s', async (code, remedy) => {
    const fetch = async () => {
      throw new KeySetFetchFailed('fetch_network', 'expected an answer', {
        cause: Object.assign(new Error(), { code }),
      })
    }
    const { verifier } = await open({ fetch })
    const message = expect.stringContaining(`(fetch_network ${code})`)
    await expect(verifier.ready()).rejects.toMatchObject({ message, remedy })
  })

  it('repeats nothing of an error below that is no code', async () => {
    const cause = Object.assign(new Error(), { code: 'https://user:secret@x' })
    const fetch = async () => {
      throw new KeySetFetchFailed('fetch_network', 'expected an answer', { cause })
    }
    const { verifier } = await open({ fetch })
    await expect(verifier.ready()).rejects.toThrow(/\(fetch_network\)$/)
  })

  it('says so where the verifier is closed', async () => {
    const { verifier } = await open()
    verifier.close()
    await expect(verifier.ready()).rejects.toMatchObject({
      remedy: 'the verifier is closed: make another one',
    })
  })

  it('uses no key beyond the cache time where that was ruled out', async () => {
    const { clock, issuer, endpoint, verifier } = await open({ staleIfErrorSeconds: 0 })
    const token = await issuer.token()
    await verifier.ready()
    endpoint.fail()
    await clock.advance(900 * SECOND)
    expect(await codeOf(verifier.verify(token))).toBe('keys_unavailable')
  })

  it('ends a retired key at its own end, though the keys are still in use', async () => {
    const { clock, issuer, endpoint, verifier } = await open({ staleIfErrorSeconds: 86_400 })
    const token = await issuer.token({ exp: Math.floor(clock.now() / 1000) + 86_400 })
    await issuer.rotate()
    await verifier.ready()
    endpoint.fail()
    await clock.advance(3614 * SECOND)
    expect(await codeOf(verifier.verify(token))).toBe('none')
    await clock.advance(SECOND)
    expect(await codeOf(verifier.verify(token))).toBe('key_unknown')
    expect(await codeOf(verifier.verify(await issuer.token()))).toBe('none')
  })

  it('goes by the monotonic clock: a wall clock set back keeps no key alive', async () => {
    const { clock, issuer, endpoint, verifier } = await open()
    await verifier.ready()
    endpoint.fail()
    await clock.advance(4000 * SECOND)
    clock.jump(-4000 * SECOND)
    await clock.advance(500 * SECOND)
    expect(await codeOf(verifier.verify(await issuer.token()))).toBe('keys_unavailable')
  })

  it('uses no key beyond its time because the machine slept, and the monotonic clock with it', async () => {
    const { clock, issuer, endpoint, verifier } = await open()
    await verifier.ready()
    endpoint.fail()
    clock.jump(4000 * SECOND)
    await clock.advance(0)
    expect(await codeOf(verifier.verify(await issuer.token()))).toBe('none')
    clock.jump(600 * SECOND)
    expect(await codeOf(verifier.verify(await issuer.token()))).toBe('keys_unavailable')
    expect(verifier.health()).toMatchObject({ status: 'unavailable', ageSeconds: 4600 })
  })

  it('asks again when the machine wakes, though the timer still waits, and refuses nobody for that', async () => {
    const { clock, issuer, endpoint, verifier } = await open()
    const token = await issuer.token({ exp: Math.floor(clock.now() / 1000) + 86_400 })
    await verifier.ready()
    clock.jump(REFRESH - SECOND)
    expect(await codeOf(verifier.verify(token))).toBe('none')
    expect(endpoint.fetches).toBe(1)
    clock.jump(2 * SECOND)
    expect(verifier.verifySync(token).claims.sub).toBeDefined()
    await clock.advance(0)
    expect(endpoint.fetches).toBe(2)
    // what is too old to be used is waited for
    clock.jump(5000 * SECOND)
    const woken = Promise.all(Array.from({ length: 100 }, () => codeOf(verifier.verify(token))))
    expect(new Set(await woken)).toEqual(new Set(['none']))
    expect(endpoint.fetches).toBe(3)
  })

  it('never calls an unknown kid bad while the last fetch failed, fresh as the keys may be', async () => {
    const { clock, endpoint, verifier, unknown } = await open()
    await verifier.ready()
    endpoint.fail()
    await clock.advance(REFRESH)
    expect(await codeOf(verifier.verify(unknown))).toBe('keys_unavailable')
    expect(caught(() => verifier.verifySync(unknown))).toMatchObject({ code: 'keys_unavailable' })
    endpoint.recover()
    await clock.advance(SECOND)
    expect(await codeOf(verifier.verify(unknown))).toBe('key_unknown')
  })

  it('lets unknown kids cause no fetch beside the retries', async () => {
    const { clock, endpoint, verifier, unknown } = await open()
    await verifier.ready()
    endpoint.fail()
    await clock.advance(REFRESH)
    expect(endpoint.fetches).toBe(2)
    for (let ask = 0; ask < 100; ask++) {
      await codeOf(verifier.verify(unknown))
      caught(() => verifier.verifySync(unknown))
      await clock.advance(9)
    }
    expect(endpoint.fetches).toBe(2)
    await clock.advance(100)
    expect(endpoint.fetches).toBe(3)
  })

  it('calls a known kid with a bad signature bad even then', async () => {
    const { clock, issuer, endpoint, verifier } = await open()
    await verifier.ready()
    endpoint.fail()
    await clock.advance(2000 * SECOND)
    expect(await codeOf(verifier.verify(await issuer.forgedToken()))).toBe('signature_invalid')
  })
})

describe('JWKSFetchError: an endpoint that hangs (R37)', () => {
  it('keeps nobody waiting longer than the time-out', async () => {
    const { clock, endpoint, verifier } = await open({ timeoutSeconds: 0.1 + 0.2 })
    endpoint.fail('hang')
    const ready = codeOf(verifier.ready())
    await clock.advance(301)
    expect(await ready).toBe('keys_unavailable')
    expect(verifier.health().lastError).toBe('fetch_timeout')
  })

  it('survives a port that does not heed its signal', async () => {
    const deaf: FetchKeySet = () => new Promise(() => {})
    const { clock, issuer, endpoint, verifier } = await open({
      fetch: (question) => (clock.monotonicNow() === 0 ? deaf(question) : endpoint.fetch(question)),
    })
    const verified = codeOf(verifier.verify(await issuer.token()))
    await clock.advance(5 * SECOND)
    expect(await verified).toBe('keys_unavailable')
    await clock.advance(SECOND)
    expect(await codeOf(verifier.verify(await issuer.token()))).toBe('none')
  })

  it('leaves the keys stale once their cache time is over, and says nothing of an unknown kid', async () => {
    const { clock, endpoint, verifier, unknown } = await open({ timeoutSeconds: 600 })
    await verifier.ready()
    endpoint.fail('hang')
    await clock.advance(899 * SECOND)
    expect(verifier.health().status).toBe('fresh')
    await clock.advance(SECOND)
    expect(verifier.health()).toMatchObject({ status: 'stale', lastError: undefined })
    expect(caught(() => verifier.verifySync(unknown))).toMatchObject({ code: 'keys_unavailable' })
  })

  it('delays no token whose key is in memory', async () => {
    const { clock, issuer, endpoint, verifier } = await open()
    await verifier.ready()
    endpoint.fail('hang')
    await clock.advance(REFRESH)
    expect(endpoint.fetches).toBe(2)
    expect(await codeOf(verifier.verify(await issuer.token()))).toBe('none')
    expect(verifier.verifySync(await issuer.token()).claims.sub).toBe('user-1')
  })

  it.each([
    [
      'throws',
      () => {
        throw new TypeError('a bug')
      },
    ],
    ['answers with nonsense', async () => undefined as never],
  ])('takes a port that %s for one that fails', async (_, fetch) => {
    const { verifier } = await open({ fetch })
    expect(await codeOf(verifier.ready())).toBe('keys_unavailable')
    expect(verifier.health().lastError).toBe('internal_error')
    verifier.close()
  })
})
