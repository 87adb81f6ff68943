import { parseJwk, type VerificationKey } from '@keyturn/core'
import { generateSigningPair, publishedJwk } from '@keyturn/keyring'
import { fakeClock } from '@keyturn/testing'
import { describe, expect, it, vi } from 'vitest'
import { openVerifier } from './open-verifier.fixture.ts'
import { TokenWatch } from './token-watch.ts'
import type { VerifierOptions } from './verifier-options.ts'

async function watching(options: Partial<VerifierOptions> = {}, claims: object = {}) {
  const opened = await openVerifier(options)
  const { verifier, issuer, clock } = opened
  const token = await verifier.verify(await issuer.token(claims))
  const ends: string[] = []
  const timers = clock.pendingTimers
  const unwatch = verifier.watch(token, ({ code }) => ends.push(code))
  const leftTimers = () => clock.pendingTimers - timers
  return { ...opened, token, ends, unwatch, leftTimers }
}

describe('a token that is watched (R41, R43)', () => {
  it('ends in the second in which it would be refused, and once', async () => {
    const { verifier, issuer, clock, ends, leftTimers } = await watching()
    const jwt = await issuer.token()
    await clock.advance(3604_999)
    expect(ends).toEqual([])
    await verifier.verify(jwt)
    await clock.advance(1)
    expect(ends).toEqual(['token_expired'])
    await expect(verifier.verify(jwt)).rejects.toMatchObject({ code: 'token_expired' })
    await clock.advance(3600_000)
    expect(ends).toHaveLength(1)
    expect(leftTimers()).toBe(0)
  })

  it('ends when it is older than the verifier takes', async () => {
    const { clock, ends } = await watching({ maxAgeSeconds: 60 })
    await clock.advance(65_999)
    expect(ends).toEqual([])
    await clock.advance(1)
    expect(ends).toEqual(['token_too_old'])
  })

  it('never waits longer than a minute at once: no timer overflows, and a machine that slept notices', async () => {
    const clock = fakeClock()
    const delays: number[] = []
    const setTimer = (callback: () => void, delayMs: number) => {
      delays.push(delayMs)
      return clock.setTimer(callback, delayMs)
    }
    const { verifier, token } = await watching({ clock: { ...clock, setTimer } }, { exp: 4e9 })
    delays.length = 0
    verifier.watch(token, () => {})
    await clock.advance(120_000)
    expect(Math.max(...delays)).toBe(60_000)
  })

  it('ends within a minute when the clock is set past its end', async () => {
    const { clock, ends } = await watching()
    clock.jump(2 * 3600_000)
    await clock.advance(60_000)
    expect(ends).toEqual(['token_expired'])
  })

  it('ends as soon as a set without its key arrives; the tokens of other keys do not', async () => {
    const { verifier, issuer, clock, ends } = await watching()
    await issuer.rotate()
    const other: string[] = []
    verifier.watch(await verifier.verify(await issuer.token()), ({ code }) => other.push(code))
    await issuer.revoke(issuer.jwks().keys[0]?.kid)
    // the refresh is due at 70 % of the cache time
    await clock.advance(629_000)
    expect(ends).toEqual([])
    await clock.advance(1000)
    expect(ends).toEqual(['key_unknown'])
    expect(other).toEqual([])
  })

  it('goes on where nothing was known of the keys when the watch began, and is known soon after', async () => {
    const { verifier, clock, token } = await watching({ staleIfErrorSeconds: 0 }, { exp: 4e9 })
    clock.jump(7200_000)
    const ends: string[] = []
    verifier.watch(token, ({ code }) => ends.push(code))
    await clock.advance(10_000)
    expect(ends).toEqual([])
  })

  it('ends when its kid comes to name another key', async () => {
    const { issuer, endpoint, clock, ends } = await watching({ allowForeignKids: true })
    const other = publishedJwk(await generateSigningPair({ algorithm: 'EdDSA', rsaBits: 2048 }))
    endpoint.serve({ keys: [{ ...other, kid: issuer.kid }] })
    await clock.advance(700_000)
    expect(ends).toEqual(['key_unknown'])
  })

  it('ends at once when its kid has come to name another key before anybody watched', async () => {
    const { issuer, endpoint, clock, verifier, token } = await watching({ allowForeignKids: true })
    const other = publishedJwk(await generateSigningPair({ algorithm: 'EdDSA', rsaBits: 2048 }))
    endpoint.serve({ keys: [{ ...other, kid: issuer.kid }] })
    await clock.advance(700_000)
    const ends: string[] = []
    verifier.watch(token, ({ code }) => ends.push(code))
    await clock.advance(0)
    expect(ends).toEqual(['key_unknown'])
  })

  it('ends with its key, also when the end of that is fixed later and keys cannot be had', async () => {
    const { issuer, endpoint, clock, ends } = await watching({ staleIfErrorSeconds: 86_400 }, { exp: 4e9 })
    await issuer.rotate()
    await clock.advance(700_000)
    endpoint.fail()
    const [retired] = issuer.jwks().keys
    await clock.advance(Number(retired?.exp) * 1000 - clock.now() - 1)
    expect(ends).toEqual([])
    await clock.advance(1)
    expect(ends).toEqual(['key_unknown'])
  })

  it('ends with its key to the second, though the end of that is fixed seconds before', async () => {
    const { issuer, endpoint, clock, ends } = await watching()
    const exp = Math.floor(clock.now() / 1000) + 640
    endpoint.serve({ keys: issuer.jwks().keys.map((key) => ({ ...key, exp })) })
    await clock.advance(639_999)
    expect(ends).toEqual([])
    await clock.advance(1)
    expect(ends).toEqual(['key_unknown'])
  })

  it('ends within a minute when nothing certain is known of the keys, and by another error (R40)', async () => {
    const { endpoint, clock, ends } = await watching({ staleIfErrorSeconds: 600 })
    endpoint.fail()
    await clock.advance(1_499_000)
    expect(ends).toEqual([])
    await clock.advance(61_000)
    expect(ends).toEqual(['keys_unavailable'])
  })

  it('goes on where the keys have grown old unseen, as while the machine slept, and can be had (R35)', async () => {
    const { endpoint, clock, ends } = await watching({ staleIfErrorSeconds: 600 }, { exp: 4_102_444_800 })
    clock.jump(10_800_000)
    await clock.advance(120_000)
    expect(ends).toEqual([])
    endpoint.fail()
    clock.jump(10_800_000)
    await clock.advance(120_000)
    expect(ends).toEqual(['keys_unavailable'])
  })

  it('ends also after the verifier was closed', async () => {
    const { verifier, clock, ends } = await watching()
    verifier.close()
    await clock.advance(3605_000)
    expect(ends).toEqual(['token_expired'])
  })

  it('goes unwatched at a word: nothing is told, and no timer stays', async () => {
    const { verifier, token, clock, ends, unwatch, leftTimers } = await watching()
    const other: string[] = []
    verifier.watch(token, () => other.push('told'))
    unwatch()
    unwatch()
    expect(leftTimers()).toBe(1)
    await clock.advance(3605_000)
    expect({ ends, other }).toEqual({ ends: [], other: ['told'] })
    expect(leftTimers()).toBe(0)
  })

  it('is told of later when it is over already, and never after it goes unwatched', async () => {
    const { verifier, token, clock } = await watching()
    await clock.advance(3605_000)
    const told: string[] = []
    verifier.watch(token, () => told.push('first'))
    verifier.watch(token, () => told.push('second'))()
    expect(told).toEqual([])
    await clock.advance(0)
    expect(told).toEqual(['first'])
  })

  it('holds up neither the keys nor the others when its listener fails', async () => {
    const { verifier, token, issuer, clock, ends, events } = await watching()
    verifier.watch(token, () => {
      throw new RangeError('a bug')
    })
    const second: string[] = []
    verifier.watch(token, ({ code }) => second.push(code))
    await issuer.revoke()
    const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    await clock.advance(700_000)
    expect(warnings).toHaveBeenCalledExactlyOnceWith(
      'a listener of a watched token failed',
      expect.objectContaining({ code: 'KEYTURN_LISTENER' }),
    )
    warnings.mockRestore()
    expect([ends, second]).toEqual([['key_unknown'], ['key_unknown']])
    expect(events.map(({ kind }) => kind)).toEqual(['keys-replaced', 'keys-replaced'])
  })
})

describe('very many tokens that are watched (R36, R43)', () => {
  const MANY = 1000

  /** Counts how often the keys are asked, as each event of the keys may have them asked. */
  async function watchingMany() {
    const { verifier, issuer, clock } = await openVerifier()
    const token = await verifier.verify(await issuer.token())
    const key = parseJwk(issuer.jwks().keys[0])
    const keys = { asked: 0, now: key as VerificationKey | undefined }
    const watch = new TokenWatch({
      keys: {
        find() {
          keys.asked += 1
          return keys.now
        },
        report: () => verifier.health(),
      },
      endOf: () => ({ atSeconds: 4e9, code: 'token_expired' }),
      clock,
    })
    const ends: string[] = []
    const unwatch = Array.from({ length: MANY }, () => watch.watch(token, ({ code }) => ends.push(code)))
    keys.asked = 0
    return { clock, keys, watch, ends, unwatch, key }
  }

  it('cost one look at an event that changes nothing for them, as strangers can bring about', async () => {
    const { keys, watch, ends, unwatch, key } = await watchingMany()
    watch.keysChanged()
    // the same key out of another answer
    keys.now = { ...key }
    watch.keysChanged()
    expect(keys.asked).toBe(2)
    expect(ends).toEqual([])
    for (const end of unwatch) end()
    watch.keysChanged()
    expect(keys.asked).toBe(2)
  })

  it('are all ended when their key goes, whatever was confirmed before', async () => {
    const { clock, keys, watch, ends } = await watchingMany()
    watch.keysChanged()
    keys.now = undefined
    watch.keysChanged()
    await clock.advance(0)
    expect(ends).toEqual(Array.from({ length: MANY }, () => 'key_unknown'))
  })
})
