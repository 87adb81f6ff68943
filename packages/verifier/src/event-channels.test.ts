import { Channel, subscribe, unsubscribe } from 'node:diagnostics_channel'
import { codeOf, testIssuer } from '@keyturn/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { onVerifierEvent, VERIFIER_EVENTS, type VerifierMessage } from './event-channels.ts'
import { createMultiVerifier } from './multi-verifier.ts'
import { openVerifier } from './open-verifier.fixture.ts'
import { withUncaught } from './uncaught.fixture.ts'

const SECOND = 1000
const issuer = 'https://issuer.test'

const endings: (() => void)[] = []
afterEach(() => {
  for (const end of endings.splice(0)) end()
  vi.restoreAllMocks()
})

/** What is published from now on, of every kind. */
function hearAll(): VerifierMessage[] {
  const heard: VerifierMessage[] = []
  for (const kind of VERIFIER_EVENTS) endings.push(onVerifierEvent(kind, (message) => heard.push(message)))
  return heard
}

/** Subscribes as somebody does who does not know us. */
function subscribeTo(kind: string, hear: (message: unknown) => void): void {
  const name = `keyturn:verifier:${kind}`
  subscribe(name, hear)
  endings.push(() => unsubscribe(name, hear))
}

const failing = () => {
  throw new Error('listener')
}

describe('events of verifiers on diagnostics_channel (R45)', () => {
  it('are what onEvent hears of the keys, with the issuer', async () => {
    const heard = hearAll()
    const { clock, endpoint, verifier, events, ...made } = await openVerifier()
    endpoint.fail()
    await codeOf(verifier.ready())
    endpoint.recover()
    await clock.advance(SECOND)
    await clock.advance(630 * SECOND)
    const kid = made.issuer.jwks().keys[0]?.kid
    await made.issuer.revoke(kid)
    await clock.advance(630 * SECOND)
    expect(heard).toEqual(events.map((event) => ({ issuer, ...event })))
    expect(heard).toEqual([
      { issuer, kind: 'keys-fetch-failed', code: 'fetch_network', failures: 1, retryInMs: 1000 },
      { issuer, kind: 'circuit-opened', code: 'fetch_network' },
      { issuer, kind: 'circuit-closed', failures: 1 },
      { issuer, kind: 'keys-replaced', added: expect.arrayContaining([kid]), removed: [], skipped: [] },
      { issuer, kind: 'keys-confirmed' },
      { issuer, kind: 'keys-replaced', added: expect.any(Array), removed: [kid], skipped: [] },
    ])
  })

  it('tell once of an outage and once of its end, however often it was tried', async () => {
    const { clock, endpoint, verifier, events } = await openVerifier()
    endpoint.fail()
    await codeOf(verifier.ready())
    await clock.advance(6 * SECOND)
    endpoint.recover()
    await clock.advance(1000 * SECOND)
    expect(events.filter(({ kind }) => kind.startsWith('circuit'))).toEqual([
      { kind: 'circuit-opened', code: 'fetch_network' },
      { kind: 'circuit-closed', failures: 3 },
    ])
  })

  it('come each on the channel of its kind', async () => {
    const heard: unknown[] = []
    subscribeTo('keys-replaced', (message) => heard.push(message))
    const { verifier } = await openVerifier()
    await verifier.ready()
    await codeOf(verifier.verify('x'))
    expect(heard).toEqual([expect.objectContaining({ issuer, kind: 'keys-replaced' })])
  })
})

describe('events of tokens on diagnostics_channel (R40, R45, R75)', () => {
  it('tell a bad token from keys that cannot be had, whichever way it is verified', async () => {
    const { endpoint, verifier, ...made } = await openVerifier()
    endpoint.fail()
    const token = await made.issuer.token()
    await codeOf(verifier.ready())
    const heard = hearAll()
    for (const jwt of [token, 'x']) {
      await codeOf(verifier.verify(jwt))
      expect(() => verifier.verifySync(jwt)).toThrow()
    }
    expect(heard).toEqual([
      ...Array(2).fill({ issuer, kind: 'keys-unavailable', retryAfterSeconds: 1 }),
      ...Array(2).fill({ issuer, kind: 'token-rejected', code: 'token_malformed' }),
    ])
  })

  it('hold nothing of the token, and there is none of one that is accepted', async () => {
    const { verifier, ...made } = await openVerifier({ tokenCacheSize: 10 })
    await verifier.ready()
    const heard = hearAll()
    for (let count = 0; count < 2; count++) await verifier.verify(await made.issuer.token({ sub: 'alice' }))
    expect(heard).toEqual([])
    const expired = await made.issuer.expiredToken({ sub: 'alice' })
    await codeOf(verifier.verify(expired))
    expect(heard).toEqual([{ issuer, kind: 'token-rejected', code: 'token_expired' }])
  })

  it('name no issuer where the token is of none that is known', async () => {
    const { endpoint, ...made } = await testIssuer()
    const verifier = createMultiVerifier([
      { issuer: made.issuer, audience: made.audience, fetch: endpoint.fetch },
    ])
    const heard = hearAll()
    await codeOf(verifier.verify(await made.token({ iss: 'https://evil.test' })))
    await codeOf(verifier.verify(await made.forgedToken()))
    verifier.close()
    expect(heard.filter(({ kind }) => kind === 'token-rejected')).toEqual([
      { issuer: undefined, kind: 'token-rejected', code: 'issuer_mismatch' },
      { issuer, kind: 'token-rejected', code: 'signature_invalid' },
    ])
  })
})

describe('what the events of a verifier cost (R45)', () => {
  it('is a look at whether somebody listens', async () => {
    const publish = vi.spyOn(Channel.prototype, 'publish')
    const { verifier, events } = await openVerifier()
    await verifier.ready()
    expect(await codeOf(verifier.verify('x'))).toBe('token_malformed')
    expect(events).toHaveLength(1)
    expect(publish).not.toHaveBeenCalled()
  })

  it.each([
    ['throws', failing],
    ['rejects', () => Promise.reject(new Error('listener'))],
  ])('is a warning where a listener %s', async (_, listener) => {
    const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    endings.push(onVerifierEvent('keys-replaced', listener), onVerifierEvent('token-rejected', listener))
    const { verifier } = await openVerifier()
    await verifier.ready()
    expect(await codeOf(verifier.verify('x'))).toBe('token_malformed')
    expect(warnings.mock.calls).toEqual(
      ['keys-replaced', 'token-rejected'].map((kind) => [
        `a listener of events failed at ${kind}`,
        expect.objectContaining({ code: 'KEYTURN_LISTENER' }),
      ]),
    )
  })

  it('is no token, where a subscriber of the channel itself throws: that is uncaught, as of any channel', async () => {
    const { verifier, ...made } = await openVerifier()
    await verifier.ready()
    subscribeTo('token-rejected', failing)
    const { answer, uncaught } = await withUncaught(() => codeOf(verifier.verify('x')))
    expect(answer).toBe('token_malformed')
    expect(uncaught).toMatchObject({ message: 'listener' })
    expect(await codeOf(verifier.verify(await made.issuer.token()))).toBe('none')
  })
})

describe('a listener of verifiers (R45)', () => {
  it('hears nothing once it was ended, and takes no other along', async () => {
    const { verifier } = await openVerifier()
    const [first, second] = [vi.fn(), vi.fn()]
    const end = onVerifierEvent('token-rejected', first)
    endings.push(onVerifierEvent('token-rejected', second))
    end()
    end()
    await codeOf(verifier.verify('x'))
    expect(first).not.toHaveBeenCalled()
    expect(second).toHaveBeenCalledOnce()
  })

  it('is refused for an event that there is not, with the one that is meant, and where it is none', () => {
    const refusal = { code: 'verifier_options_invalid', remedy: 'did you mean token-rejected?' }
    expect(() => onVerifierEvent('token-reject' as never, failing)).toThrow(expect.objectContaining(refusal))
    expect(() => onVerifierEvent('token-rejected', undefined as never)).toThrow(
      expect.objectContaining({ code: 'verifier_options_invalid' }),
    )
  })
})
