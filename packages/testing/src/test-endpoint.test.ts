import { createVerifier, optionsFromEnv, type VerifierEvent, type VerifierOptions } from '@keyturn/verifier'
import { afterEach, describe, expect, it } from 'vitest'
import { ENDPOINT_FAULTS, type EndpointFault, FAULTS } from './endpoint-faults.ts'
import { fakeClock } from './fake-clock.ts'
import { type TestIssuerOptions, testIssuer } from './test-issuer.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function open(options: TestIssuerOptions = {}) {
  const clock = fakeClock()
  const issuer = await testIssuer({ clock, ...options })
  return { clock, issuer, endpoint: issuer.endpoint }
}
/** The port of verifiers, as in their own hands. */
async function openFetch() {
  const opened = await open()
  const ask = (etag?: string) => opened.endpoint.fetch({ etag, signal: new AbortController().signal })
  const served = async () => {
    const response = await ask()
    return response.status === 200 ? JSON.parse(Buffer.from(response.body).toString()) : undefined
  }
  return { ...opened, ask, served }
}

describe('the endpoint of an issuer for tests, in process (R46)', () => {
  it('answers 304 to whoever has the set, and counts', async () => {
    const { issuer, endpoint, ask } = await openFetch()
    const { etag } = await ask()
    expect(await ask(etag)).toMatchObject({ status: 304, etag })
    await issuer.rotate()
    expect(await ask(etag)).toMatchObject({ status: 200 })
    expect([endpoint.fetches, endpoint.confirmations]).toEqual([3, 1])
  })

  it('breaks off, lags, serves whatever it is told, and recovers', async () => {
    const { issuer, endpoint, served } = await openFetch()
    const first = issuer.jwks()
    await issuer.rotate()
    endpoint.fail()
    await expect(served()).rejects.toMatchObject({ name: 'KeySetFetchFailed', code: 'fetch_network' })
    endpoint.fail('older')
    expect(await served()).toEqual(first)
    endpoint.serve('nonsense')
    expect(await served()).toBe('nonsense')
    endpoint.recover()
    expect(await served()).toEqual(issuer.jwks())
  })

  it('leaks the private half of every key when it is told so', async () => {
    const { issuer, endpoint, served } = await openFetch()
    endpoint.fail('private')
    const { keys } = await served()
    const published = issuer.jwks().keys
    expect(keys.map(({ d, ...rest }: { d: string }) => rest)).toEqual(published)
    for (const { d } of keys) expect(Buffer.from(d, 'base64url')).toHaveLength(32)
  })

  it.each(['hang', 'drip'] as const)(
    'does %s until it recovers or the question is given up',
    async (fault) => {
      const { endpoint } = await openFetch()
      const abort = new AbortController()
      endpoint.fail(fault)
      const given = endpoint.fetch({ etag: undefined, signal: abort.signal })
      const waiting = Array.from({ length: 20 }, () =>
        endpoint.fetch({ etag: undefined, signal: new AbortController().signal }),
      )
      abort.abort()
      await expect(given).rejects.toMatchObject({ code: 'fetch_timeout' })
      endpoint.recover()
      for (const { status } of await Promise.all(waiting)) expect(status).toBe(200)
    },
  )
})

const WAYS = [
  { way: 'in process', rootKey: false },
  { way: 'on a port', rootKey: false },
  { way: 'in process', rootKey: true },
  { way: 'on a port', rootKey: true },
] as const

/** What a verifier with a pinned root finds in a damaged set is no damaged JSON. */
function codeIn(fault: EndpointFault, { rootKey }: (typeof WAYS)[number]): string | undefined {
  return rootKey && fault === 'malformed' ? 'key_set_not_signed' : FAULTS[fault].code
}

/** A verifier that has a good set of an issuer, in process or over its port. */
async function openWarm({ way, rootKey }: (typeof WAYS)[number]) {
  const { clock, issuer, endpoint } = await open({ rootKey })
  await issuer.rotate()
  const events: VerifierEvent[] = []
  let wake = () => {}
  const onEvent = (event: VerifierEvent) => {
    events.push(event)
    wake()
  }
  let options: VerifierOptions = issuer.verifierOptions
  if (way === 'on a port') {
    const served = await issuer.listen()
    closing.push(served.close)
    options = { ...optionsFromEnv(served.env), clock }
  }
  const verifier = createVerifier({ ...options, random: () => 1, onEvent })
  closing.push(() => verifier.close())
  await verifier.ready()
  /** What comes of the refresh that is due. */
  const refreshed = async (fault: EndpointFault) => {
    const told = events.length
    await clock.advance(630_000)
    if (FAULTS[fault].code === 'fetch_timeout') {
      while (endpoint.fetches < 2) await new Promise((resolve) => setImmediate(resolve))
      await clock.advance(5000)
    }
    while (events.length === told) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  return { issuer, endpoint, verifier, refreshed }
}

describe('JWKSFetchError: the faults of an endpoint, the same in process and on a port (R37, R46)', () => {
  describe.each(WAYS)('$way, with a root key: $rootKey', (way) => {
    it.each(ENDPOINT_FAULTS)('%s replaces no good set, and is told by its code', async (fault) => {
      const { issuer, endpoint, verifier, refreshed } = await openWarm(way)
      endpoint.fail(fault)
      await refreshed(fault)
      expect(verifier.health()).toMatchObject({
        lastError: codeIn(fault, way),
        kids: issuer.jwks().keys.map(({ kid }) => kid),
        refreshes: { success: 1, failure: 1 },
      })
      expect(endpoint.fetches).toBe(2)
    })
  })
})
