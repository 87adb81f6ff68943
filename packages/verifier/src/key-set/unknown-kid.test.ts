import type { TestIssuer } from '@keyturn/testing'
import { codeOf } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import { closeAfterwards, openVerifier } from '../open-verifier.fixture.ts'
import { createVerifier, type Verifier } from '../verifier.ts'

async function open() {
  const made = await openVerifier()
  await made.verifier.ready()
  return made
}
const syncCodeOf = (verifier: Verifier, token: string) => {
  try {
    verifier.verifySync(token)
    return 'none'
  } catch (error) {
    return (error as { code: string }).code
  }
}
/** A token that looks good, with a kid of the caller's choice. */
async function guess(issuer: TestIssuer, kid: string) {
  const [, payload, signature] = (await issuer.token()).split('.')
  const header = Buffer.from(JSON.stringify({ alg: 'EdDSA', kid, typ: 'at+jwt' })).toString('base64url')
  return `${header}.${payload}.${signature}`
}
const guesses = (issuer: TestIssuer, count: number, prefix = 'k') =>
  Promise.all(Array.from({ length: count }, (_, index) => guess(issuer, `${prefix}${index}`)))
const SECOND = 1000

describe('JWKSCache: an unknown kid (R36)', () => {
  it('is found when it was published since', async () => {
    const { issuer, endpoint, verifier } = await open()
    await issuer.revoke()
    await issuer.rotate()
    expect(await codeOf(verifier.verify(await issuer.token()))).toBe('none')
    expect(endpoint.fetches).toBe(2)
  })

  it('is looked for once by all who ask at a time', async () => {
    const { issuer, endpoint, verifier } = await open()
    const unknown = await guess(issuer, 'nobody')
    const codes = await Promise.all(Array.from({ length: 1000 }, () => codeOf(verifier.verify(unknown))))
    expect(new Set(codes)).toEqual(new Set(['key_unknown']))
    expect(endpoint.fetches).toBe(2)
  })

  it('is refused without a fetch while it is remembered', async () => {
    const { clock, issuer, endpoint, verifier } = await open()
    const unknown = await guess(issuer, 'nobody')
    for (let ask = 0; ask < 9; ask++) {
      expect(await codeOf(verifier.verify(unknown))).toBe('key_unknown')
      expect(syncCodeOf(verifier, unknown)).toBe('key_unknown')
      await clock.advance(SECOND)
    }
    expect(endpoint.fetches).toBe(2)
  })

  it('is looked for again after ten seconds, since it may have been published', async () => {
    const { clock, issuer, endpoint, verifier } = await open()
    endpoint.serve(issuer.jwks())
    await issuer.rotate()
    await issuer.rotate()
    const token = await issuer.token()
    expect(await codeOf(verifier.verify(token))).toBe('key_unknown')
    endpoint.recover()
    await clock.advance(9 * SECOND)
    expect(await codeOf(verifier.verify(token))).toBe('key_unknown')
    await clock.advance(SECOND)
    expect(await codeOf(verifier.verify(token))).toBe('none')
  })

  it('is not settled by an answer that was asked for before', async () => {
    const { issuer, endpoint, lag } = await openLagging()
    const token = await issuer.token()
    const verified = Array.from({ length: 10 }, () => codeOf(lag.verifier.verify(token)))
    lag.release()
    expect(new Set(await Promise.all(verified))).toEqual(new Set(['none']))
    expect(endpoint.fetches).toBe(2)
  })

  it('is not settled by such an answer for who cannot wait either', async () => {
    const { clock, issuer, lag } = await openLagging()
    const token = await issuer.token()
    expect(syncCodeOf(lag.verifier, token)).toBe('keys_unavailable')
    lag.release()
    await clock.advance(0)
    expect(syncCodeOf(lag.verifier, token)).toBe('keys_unavailable')
    await clock.advance(0)
    expect(syncCodeOf(lag.verifier, token)).toBe('none')
  })

  it('is not settled by a fetch that failed', async () => {
    const { clock, issuer, endpoint, verifier } = await open()
    endpoint.serve(issuer.jwks())
    await issuer.rotate()
    await issuer.rotate()
    const token = await issuer.token()
    const lagging = issuer.jwks()
    endpoint.fail()
    expect(await codeOf(verifier.verify(token))).toBe('keys_unavailable')
    endpoint.serve({ keys: lagging.keys.filter(({ kid }) => kid !== issuer.kid) })
    await clock.advance(SECOND)
    endpoint.recover()
    expect(await codeOf(verifier.verify(token))).toBe('none')
  })

  it('leaves one timer, however it was found', async () => {
    const { clock, issuer, verifier } = await open()
    await codeOf(verifier.verify(await guess(issuer, 'nobody')))
    expect(clock.pendingTimers).toBe(1)
  })

  it('costs two fetches at once and one every five seconds, however many kids are guessed', async () => {
    const { clock, issuer, endpoint, verifier } = await open()
    for (let second = 0; second < 30; second++) {
      for (const token of await guesses(issuer, 10, `${second}-`)) {
        expect(await codeOf(verifier.verify(token))).toBe('key_unknown')
      }
      await clock.advance(SECOND)
    }
    expect(endpoint.fetches).toBe(1 + 2 + 5)
  })

  it('is answered at once beyond the budget', async () => {
    const { issuer, endpoint, verifier } = await open()
    for (const token of await guesses(issuer, 2)) await codeOf(verifier.verify(token))
    endpoint.fail('hang')
    expect(await codeOf(verifier.verify(await guess(issuer, 'third')))).toBe('key_unknown')
    expect(syncCodeOf(verifier, await guess(issuer, 'fourth'))).toBe('key_unknown')
    expect(endpoint.fetches).toBe(3)
  })

  it('counts attempts, so that failures are not free', async () => {
    const { clock, issuer, endpoint, verifier } = await open()
    endpoint.fail()
    await codeOf(verifier.verify(await guess(issuer, 'first')))
    await clock.advance(SECOND)
    endpoint.recover()
    await clock.advance(2 * SECOND)
    expect(verifier.health()).toMatchObject({ status: 'fresh' })
    const asked = endpoint.fetches
    await codeOf(verifier.verify(await guess(issuer, 'second')))
    await codeOf(verifier.verify(await guess(issuer, 'third')))
    expect(endpoint.fetches).toBe(asked + 1)
  })

  it('is reported once a window when it comes over budget', async () => {
    const { clock, issuer, events, verifier } = await open()
    for (const token of await guesses(issuer, 50)) await codeOf(verifier.verify(token))
    const reports = () => events.filter(({ kind }) => kind === 'unknown-kid-over-budget').length
    expect(reports()).toBe(1)
    await clock.advance(5 * SECOND)
    for (const token of await guesses(issuer, 50, 'later')) await codeOf(verifier.verify(token))
    expect(reports()).toBe(2)
  })

  it('leaves no more than a bounded trace, whatever is guessed', async () => {
    const { issuer, endpoint, verifier } = await open()
    const many = await guesses(issuer, 3000)
    await Promise.all(many.map((token) => codeOf(verifier.verify(token))))
    expect(endpoint.fetches).toBe(1 + 2)
    expect(verifier.health().verifications).toEqual({ key_unknown: 3000 })
  })
})

describe('JWKSCache: an unknown kid for who cannot wait (R36, R40)', () => {
  it('is KeysUnavailable while it is looked for, then found', async () => {
    const { clock, issuer, endpoint, verifier } = await open()
    await issuer.revoke()
    await issuer.rotate()
    const token = await issuer.token()
    expect([syncCodeOf(verifier, token), syncCodeOf(verifier, token)]).toEqual(
      Array(2).fill('keys_unavailable'),
    )
    await clock.advance(0)
    expect(syncCodeOf(verifier, token)).toBe('none')
    expect(endpoint.fetches).toBe(2)
  })

  it('is KeysUnavailable while it is looked for, then refused', async () => {
    const { clock, issuer, endpoint, verifier } = await open()
    const unknown = await guess(issuer, 'nobody')
    expect(syncCodeOf(verifier, unknown)).toBe('keys_unavailable')
    await clock.advance(0)
    expect(syncCodeOf(verifier, unknown)).toBe('key_unknown')
    expect(endpoint.fetches).toBe(2)
  })

  it('begins to fetch at a cold start, once', async () => {
    const { clock, issuer, endpoint } = await open()
    const cold = createVerifier(issuer.verifierOptions)
    closeAfterwards(cold)
    const token = await issuer.token()
    for (let ask = 0; ask < 10; ask++) expect(syncCodeOf(cold, token)).toBe('keys_unavailable')
    await clock.advance(0)
    expect(syncCodeOf(cold, token)).toBe('none')
    expect(endpoint.fetches).toBe(2)
  })
})

/** A second verifier whose first answer is on its way, and was given before the last two rotations. */
async function openLagging() {
  const { clock, issuer, endpoint } = await open()
  const { issuer: iss, audience } = issuer
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  let isFirst = true
  const verifier = createVerifier({
    issuer: iss,
    audience,
    clock,
    async fetch(question) {
      if (!isFirst) return await endpoint.fetch(question)
      isFirst = false
      const body = Buffer.from(JSON.stringify(issuer.jwks()))
      await released
      return { status: 200, body, etag: undefined, cacheControl: undefined, age: undefined }
    },
  })
  closeAfterwards(verifier)
  void verifier.ready()
  await issuer.rotate()
  await issuer.rotate()
  return { clock, issuer, endpoint, lag: { verifier, release } }
}
