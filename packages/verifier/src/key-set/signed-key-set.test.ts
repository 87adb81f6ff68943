import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type PublishedJwk, type SigningKey, signCompact, thumbprint } from '@keyturn/core'
import { codeOf, type FakeClock, fakeClock, type TestIssuer, testIssuer } from '@keyturn/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { openVerifier } from '../open-verifier.fixture.ts'
import { createVerifier } from '../verifier.ts'
import type { VerifierOptions } from '../verifier-options.ts'
import type { FetchKeySet } from './http-fetch.ts'

const SECOND = 1000
const LIFETIME_SECONDS = 7200
const folder = await mkdtemp(join(tmpdir(), 'keyturn-signed-'))
afterAll(() => rm(folder, { recursive: true, force: true }))

function rootKey() {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const members = publicKey.export({ format: 'jwk' }) as { kty: 'OKP'; crv: string; x: string }
  const jwk: PublishedJwk = { ...members, kid: thumbprint(members), alg: 'EdDSA', use: 'sig' }
  const signer: SigningKey = {
    kid: jwk.kid,
    alg: 'EdDSA',
    publicJwk: jwk,
    sign: async (bytes) => sign(null, bytes, privateKey),
  }
  return { jwk, signer }
}
const root = rootKey()
const other = rootKey()

/** How an authority with a root key answers: the set that it has, under that key, from now on for two hours. */
function signedBy({ signer }: typeof root, issuer: TestIssuer, clock: FakeClock): FetchKeySet {
  return async (question) => {
    const answer = await issuer.endpoint.fetch(question)
    if (answer.status === 304) return answer
    const iat = Math.floor(clock.now() / 1000)
    const claims = { iss: issuer.issuer, sub: issuer.issuer, iat, exp: iat + LIFETIME_SECONDS }
    const set = JSON.parse(Buffer.from(answer.body).toString())
    const text = await signCompact(signer, { typ: 'jwk-set+jwt' }, { ...claims, ...set })
    return { ...answer, body: Buffer.from(text) }
  }
}

/** A verifier with a pinned root, and an endpoint whose answers come under that root until a test says otherwise. */
async function open(options: Partial<VerifierOptions> = {}, by = root) {
  const clock = fakeClock()
  const issuer = await testIssuer({ clock })
  const answers = { fetch: signedBy(by, issuer, clock) }
  const opened = await openVerifier({
    rootKeys: { keys: [root.jwk] },
    issuer: issuer.issuer,
    fetch: (question) => answers.fetch(question),
    clock,
    ...options,
  })
  return { ...opened, clock, issuer, endpoint: issuer.endpoint, answers }
}

describe('a key set under a pinned root (R39)', () => {
  it('gives its keys, and says under which root', async () => {
    const { issuer, verifier } = await open()
    expect(await codeOf(verifier.verify(await issuer.token()))).toBe('none')
    expect(verifier.health()).toMatchObject({ status: 'fresh', rootKid: root.jwk.kid })
  })

  it('is taken under a root that follows, where both are pinned', async () => {
    const { issuer, verifier } = await open({ rootKeys: { keys: [root.jwk, other.jwk] } }, other)
    expect(await codeOf(verifier.verify(await issuer.token()))).toBe('none')
    expect(verifier.health().rootKid).toBe(other.jwk.kid)
  })

  it('is refused under another root, and what was held is used on', async () => {
    const { clock, issuer, verifier, answers, events } = await open()
    await verifier.ready()
    const forger = await testIssuer({ clock, issuer: issuer.issuer })
    const [good, forged] = [await issuer.token(), await forger.token()]
    answers.fetch = signedBy(other, forger, clock)
    await clock.advance(720 * SECOND)
    expect(events.at(-1)).toMatchObject({ kind: 'keys-fetch-failed', code: 'key_set_root_unknown' })
    expect(await codeOf(verifier.verify(good))).toBe('none')
    expect(await codeOf(verifier.verify(forged))).toBe('keys_unavailable')
  })

  it('is refused without a signature, however it came', async () => {
    const { issuer, verifier, answers } = await open()
    answers.fetch = issuer.endpoint.fetch
    expect(await codeOf(verifier.verify(await issuer.token()))).toBe('keys_unavailable')
    expect(verifier.health().lastError).toBe('key_set_not_signed')
  })

  it('is refused when it is older than the one in use, though its time is not over', async () => {
    const { clock, issuer, verifier, answers } = await open()
    const [before] = issuer.jwks().keys
    const older = await answers.fetch({ etag: undefined, signal: AbortSignal.timeout(1000) })
    await issuer.revoke(before?.kid)
    await verifier.ready()
    answers.fetch = async () => older
    await clock.advance(720 * SECOND)
    expect(verifier.health()).toMatchObject({ lastError: 'key_set_older' })
    expect(verifier.health().kids).not.toContain(before?.kid)
  })

  it('is used until its own end, also where it could go on while the endpoint fails', async () => {
    const { clock, issuer, endpoint, verifier } = await open({ staleIfErrorSeconds: 86_400 })
    const token = await issuer.token({ exp: Math.floor(clock.now() / 1000) + 86_400 })
    await verifier.ready()
    endpoint.fail()
    await clock.advance((LIFETIME_SECONDS + 4) * SECOND)
    expect(await codeOf(verifier.verify(token))).toBe('none')
    await clock.advance(SECOND)
    expect(await codeOf(verifier.verify(token))).toBe('keys_unavailable')
    expect(verifier.health()).toMatchObject({ status: 'unavailable' })
  })

  it('is asked for again before it ends, however long its headers would keep it', async () => {
    const { clock, issuer, verifier, answers } = await open({
      maxCacheSeconds: 86_400,
      staleIfErrorSeconds: 0,
    })
    const { fetch } = answers
    answers.fetch = async (question) => ({ ...(await fetch(question)), cacheControl: 'max-age=86400' })
    const token = await issuer.token({ exp: Math.floor(clock.now() / 1000) + 86_400 })
    await verifier.ready()
    for (let minute = 0; minute < 600; minute++) {
      await clock.advance(60 * SECOND)
      expect(() => verifier.verifySync(token)).not.toThrow()
    }
  })

  it('is asked for whole once it has ended, since a 304 could not renew it', async () => {
    const { clock, endpoint, verifier } = await open({ staleIfErrorSeconds: 86_400 })
    await verifier.ready()
    endpoint.fail()
    await clock.advance((LIFETIME_SECONDS + 5) * SECOND)
    endpoint.recover()
    const { confirmations } = endpoint
    await clock.advance(120 * SECOND)
    expect(verifier.health().status).toBe('fresh')
    expect(endpoint.confirmations).toBe(confirmations)
  })

  it('does not become usable by a 304 that nobody asked for', async () => {
    const { clock, verifier, answers } = await open({ staleIfErrorSeconds: 86_400 })
    await verifier.ready()
    const stubborn = { status: 304, etag: undefined, cacheControl: undefined, age: undefined } as const
    answers.fetch = async () => stubborn
    await clock.advance((LIFETIME_SECONDS + 600) * SECOND)
    expect(verifier.health()).toMatchObject({ status: 'unavailable', lastError: 'fetch_status' })
  })

  it('outlives the process as it came, and is held to the root again', async () => {
    const snapshot = {
      snapshotFile: join(folder, 'set.json'),
      snapshotSecret: 'a secret of this service, 32 or more',
    }
    const first = await open(snapshot)
    await first.verifier.ready()
    const reopen = (rootKeys: NonNullable<VerifierOptions['rootKeys']>) =>
      openVerifier({
        ...snapshot,
        issuer: first.issuer.issuer,
        clock: first.clock,
        rootKeys,
        fetch: async () => {
          throw new Error('down')
        },
      })
    const token = await first.issuer.token()
    await expect
      .poll(async () => codeOf((await reopen({ keys: [root.jwk] })).verifier.verify(token)))
      .toBe('none')
    const stranger = await reopen({ keys: [other.jwk] })
    expect(await codeOf(stranger.verifier.verify(token))).toBe('keys_unavailable')
    expect(stranger.events).toContainEqual({
      kind: 'snapshot-failed',
      operation: 'read',
      code: 'key_set_root_unknown',
    })
  })

  it('is at jwks.jwt below the issuer, unless it is said to be elsewhere', async () => {
    const { verifier } = await open()
    expect(verifier.health().url).toBe('https://issuer.test/.well-known/jwks.jwt')
  })
})

describe('rootKeys (R39)', () => {
  const options = { issuer: 'https://issuer.test', audience: 'orders' }

  it.each([
    ['no key', { keys: [] }, /^rootKeys: expected a key set \(key_set_without_usable_key\)$/],
    ['what is no key set', {} as never, /^rootKeys: expected a key set \(key_set_malformed\)$/],
    ['a private key', { keys: [root.jwk, { ...other.jwk, d: 'AAAA' }] }, /\(key_private\)$/],
    ['a key under another name', { keys: [{ ...root.jwk, kid: 'root' }] }, /without_usable_key\)$/],
  ])('refuses %s', (_, rootKeys, message) => {
    expect(() => createVerifier({ ...options, rootKeys })).toThrow(message)
  })

  it('wants a set to fetch', () => {
    const pinnedKeys = { keys: [other.jwk] }
    expect(() =>
      createVerifier({ ...options, rootKeys: { keys: [root.jwk] }, pinnedKeys, jwksUrl: null }),
    ).toThrow(/^rootKeys: expected a key set to fetch/)
  })
})
