import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codeOf, fakeClock, type TestIssuer, testIssuer } from '@keyturn/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { openVerifier } from '../open-verifier.fixture.ts'
import { createVerifier } from '../verifier.ts'
import type { VerifierOptions } from '../verifier-options.ts'

const SECOND = 1000
/** Of the issuers here, as of an authority by default. */
const LIFETIME_SECONDS = 14_400
const folder = await mkdtemp(join(tmpdir(), 'keyturn-signed-'))
afterAll(() => rm(folder, { recursive: true, force: true }))

const rootsOf = ({ verifierOptions: { rootKeys } }: TestIssuer) => rootKeys?.keys ?? []
/** Others of the same name, each with a root and keys of its own. */
const [other, third] = await Promise.all([testIssuer({ rootKey: true }), testIssuer({ rootKey: true })])

/** A verifier that pins the root of its issuer, and an endpoint whose answers come from there until a test says otherwise. */
async function open(options: Partial<VerifierOptions> = {}) {
  const clock = fakeClock()
  const issuer = await testIssuer({ clock, rootKey: true })
  const answers = { fetch: issuer.endpoint.fetch }
  const opened = await openVerifier({
    ...issuer.verifierOptions,
    fetch: (question) => answers.fetch(question),
    ...options,
  })
  return { ...opened, clock, issuer, endpoint: issuer.endpoint, answers }
}

describe('a key set under a pinned root (R39)', () => {
  it('gives its keys, and says under which root', async () => {
    const { issuer, verifier } = await open()
    expect(await codeOf(verifier.verify(await issuer.token()))).toBe('none')
    expect(verifier.health().status).toBe('fresh')
    expect(rootsOf(issuer)).toEqual([expect.objectContaining({ kid: verifier.health().rootKid })])
  })

  it.each(['one in use', 'one that follows'])(
    'is taken under the %s, where both are pinned',
    async (which) => {
      const issuer = await testIssuer({ rootKey: true })
      const [one, two] = which === 'one in use' ? [issuer, other] : [other, issuer]
      const keys = [...rootsOf(one), ...rootsOf(two)]
      const { verifier } = await openVerifier({ ...issuer.verifierOptions, rootKeys: { keys } })
      expect(await codeOf(verifier.verify(await issuer.token()))).toBe('none')
      expect(rootsOf(issuer)).toEqual([expect.objectContaining({ kid: verifier.health().rootKid })])
    },
  )

  it('is refused under another root, and what was held is used on', async () => {
    const { clock, issuer, verifier, answers, events } = await open()
    await verifier.ready()
    const forger = await testIssuer({ clock, rootKey: true })
    const [good, forged] = [await issuer.token(), await forger.token()]
    answers.fetch = forger.endpoint.fetch
    await clock.advance(720 * SECOND)
    expect(events.at(-1)).toMatchObject({ kind: 'keys-fetch-failed', code: 'key_set_root_unknown' })
    expect(await codeOf(verifier.verify(good))).toBe('none')
    expect(await codeOf(verifier.verify(forged))).toBe('keys_unavailable')
  })

  it('is refused without a signature, however it came', async () => {
    const { issuer, endpoint, verifier } = await open()
    endpoint.serve(issuer.jwks())
    expect(await codeOf(verifier.verify(await issuer.token()))).toBe('keys_unavailable')
    expect(verifier.health().lastError).toBe('key_set_not_signed')
  })

  it('is refused when it is older than the one in use, though its time is not over', async () => {
    const { clock, issuer, endpoint, verifier } = await open()
    const [before] = issuer.jwks().keys
    await issuer.revoke(before?.kid)
    await verifier.ready()
    endpoint.fail('older')
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
    const { clock, endpoint, verifier, answers } = await open({ staleIfErrorSeconds: 86_400 })
    await verifier.ready()
    endpoint.fail()
    await clock.advance((LIFETIME_SECONDS + 5) * SECOND)
    endpoint.recover()
    const tags: unknown[] = []
    answers.fetch = async (question) => {
      tags.push(question.etag)
      return await endpoint.fetch(question)
    }
    await clock.advance(120 * SECOND)
    expect(verifier.health().status).toBe('fresh')
    expect(tags).toEqual([undefined])
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
    first.endpoint.fail()
    const reopen = ({ verifierOptions: { rootKeys } }: TestIssuer) =>
      openVerifier({ ...first.issuer.verifierOptions, ...snapshot, ...(rootKeys && { rootKeys }) })
    const token = await first.issuer.token()
    await expect.poll(async () => codeOf((await reopen(first.issuer)).verifier.verify(token))).toBe('none')
    const stranger = await reopen(other)
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
  const [root] = rootsOf(other)
  const [publicRoot = {}] = rootsOf(third)

  it.each([
    ['no key', { keys: [] }, /^rootKeys: expected a key set \(key_set_without_usable_key\)$/],
    ['what is no key set', {} as never, /^rootKeys: expected a key set \(key_set_malformed\)$/],
    ['a private key', { keys: [publicRoot, { ...root, d: 'AAAA' }] }, /\(key_private\)$/],
    ['a key under another name', { keys: [{ ...root, kid: 'root' }] }, /without_usable_key\)$/],
  ])('refuses %s', (_, rootKeys, message) => {
    expect(() => createVerifier({ ...options, rootKeys })).toThrow(message)
  })

  it('wants a set to fetch', () => {
    const rootKeys = { keys: rootsOf(other) }
    expect(() => createVerifier({ ...options, rootKeys, pinnedKeys: rootKeys, jwksUrl: null })).toThrow(
      /^rootKeys: expected a key set to fetch/,
    )
  })
})
