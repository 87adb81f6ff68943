import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { codeOf } from '@keyturn/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openVerifier } from './open-verifier.fixture.ts'
import { TokenCache } from './token-cache.ts'
import { createVerifier } from './verifier.ts'
import type { VerifierOptions } from './verifier-options.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
/** What is held when all that was dropped is gone. */
function heapBytes(): number {
  collect()
  return process.memoryUsage().heapUsed
}

const SECOND = 1000
const key = {} as never
const token = {} as never
const textOf = (name: string, tail = name) => `${name}.${tail.padStart(43, '-')}`
/** As it comes out of a request: another string each time. */
const again = (text: string) => Buffer.from(text).toString()

describe('tokens that were verified (R41)', () => {
  it('are found by their whole text, and by nothing that is only like it', () => {
    const cache = new TokenCache(10)
    const text = textOf('a')
    cache.add(text, token, key)
    expect(cache.find(again(text))).toMatchObject({ text, token, key })
    for (let at = 0; at < text.length; at++) {
      const other = text[at] === 'x' ? 'y' : 'x'
      expect(cache.find(text.slice(0, at) + other + text.slice(at + 1))).toBeUndefined()
      expect(cache.find(text.slice(at + 1))).toBeUndefined()
    }
    expect(cache.find(` ${text}`)).toBeUndefined()
    expect(cache.find('')).toBeUndefined()
  })

  it('are not told apart by their end alone once they are of the old ones either', () => {
    const cache = new TokenCache(2)
    cache.add(textOf('one', 'same'), token, key)
    cache.add(textOf('newer'), token, key)
    expect(cache.find(textOf('other', 'same'))).toBeUndefined()
    expect(cache.find(textOf('one', 'same'))).toBeDefined()
  })

  it('are held once, also when they are seen again', () => {
    const cache = new TokenCache(4)
    for (const name of ['a', 'b', 'c']) cache.add(textOf(name), token, key)
    expect(cache.find(textOf('a'))).toBeDefined()
    expect(cache.size).toBe(3)
  })

  it('cost each other a miss, and no more, when they end alike', () => {
    const cache = new TokenCache(10)
    const [one, other] = [textOf('one', 'same'), textOf('other', 'same')]
    cache.add(one, token, key)
    expect(cache.find(other)).toBeUndefined()
    cache.add(other, token, key)
    expect([cache.find(one), cache.find(other)?.text]).toEqual([undefined, other])
  })

  it('are never more than the cache is to hold, and those that are seen again stay', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 20 }), fc.array(fc.nat(40)), (size, names) => {
        const cache = new TokenCache(size)
        for (const name of names) {
          const text = textOf(String(name))
          const found = cache.find(text)
          if (found === undefined) cache.add(text, token, key)
          else expect(found.text).toBe(text)
          expect(cache.size).toBeLessThanOrEqual(size)
          expect(cache.find(text)?.text).toBe(text)
        }
      }),
    )
    const cache = new TokenCache(10)
    cache.add(textOf('stays'), token, key)
    for (let guess = 0; guess < 1000; guess++) {
      cache.add(textOf(`once-${guess}`), token, key)
      expect(cache.find(textOf('stays'))).toBeDefined()
    }
  })

  it('hold on to their own text alone, whatever they were cut out of', () => {
    const cache = new TokenCache(100)
    const before = heapBytes()
    for (let count = 0; count < 50; count++) {
      const request = Buffer.alloc(1_000_000, 'x').toString('latin1') + textOf(`${count}`)
      // a character is read so that the text is one, and no two pieces
      expect(request.charAt(999_999)).toBe('x')
      cache.add(request.slice(1_000_000), token, key)
    }
    expect(heapBytes() - before).toBeLessThan(10_000_000)
    expect(cache.find(textOf('7'))?.text).toBe(textOf('7'))
  })

  it('go when they are told to', () => {
    const cache = new TokenCache(4)
    for (const name of ['a', 'b', 'c']) cache.add(textOf(name), token, key)
    cache.retain(({ text }) => text.startsWith('b'))
    expect([cache.size, cache.find(textOf('b'))?.text]).toEqual([1, textOf('b')])
    cache.delete(cache.find(textOf('b')) as never)
    expect(cache.size).toBe(0)
  })

  it('go when they are told to, also those that have grown old meanwhile', () => {
    const cache = new TokenCache(2)
    cache.add(textOf('a'), token, key)
    const found = cache.find(textOf('a'))
    cache.add(textOf('newer'), token, key)
    cache.delete(found as never)
    expect(cache.find(textOf('a'))).toBeUndefined()
  })
})

const open = (options: Partial<VerifierOptions> = {}) => openVerifier({ tokenCacheSize: 100, ...options })

describe('the same token again (R41)', () => {
  it('is accepted out of memory, as the same frozen token, also by who cannot wait', async () => {
    const { issuer, verifier } = await open()
    const jwt = await issuer.token()
    const first = await verifier.verify(jwt)
    expect(await verifier.verify(again(jwt))).toBe(first)
    expect(verifier.verifySync(again(jwt))).toBe(first)
    expect([Object.isFrozen(first), Object.isFrozen(first.claims)]).toEqual([true, true])
    expect(verifier.health()).toMatchObject({
      verifications: { accepted: 3 },
      tokenCache: { size: 1, hits: 2 },
    })
  })

  it('is verified anew where nothing is remembered', async () => {
    const { issuer, verifier } = await openVerifier()
    const jwt = await issuer.token()
    expect(await verifier.verify(jwt)).not.toBe(await verifier.verify(jwt))
    expect(verifier.health().tokenCache).toEqual({ size: 0, hits: 0 })
  })

  it('is refused when its time is over, and forgotten', async () => {
    const { clock, issuer, verifier } = await open()
    const jwt = await issuer.token()
    await verifier.verify(jwt)
    await clock.advance(3604 * SECOND)
    expect(await codeOf(verifier.verify(jwt))).toBe('none')
    await clock.advance(SECOND)
    expect(await codeOf(verifier.verify(jwt))).toBe('token_expired')
    expect(verifier.health().tokenCache.size).toBe(0)
  })

  it.each([
    ['token_too_old', { maxAgeSeconds: 60 }, 70 * SECOND],
    ['token_issued_in_future', {}, -70 * SECOND],
  ])('is refused as %s once that is so', async (code, options, jumpMs) => {
    const { clock, issuer, verifier } = await open(options)
    const jwt = await issuer.token()
    await verifier.verify(jwt)
    clock.jump(jumpMs)
    expect(await codeOf(verifier.verify(jwt))).toBe(code)
  })

  it('is refused once its key is withdrawn, and nothing of that key stays in memory', async () => {
    const { clock, issuer, verifier } = await open()
    const jwt = await issuer.token()
    await verifier.verify(jwt)
    await issuer.revoke()
    await clock.advance(720 * SECOND)
    expect(verifier.health().tokenCache.size).toBe(0)
    expect(await codeOf(verifier.verify(jwt))).toBe('key_unknown')
  })

  it('is refused once its retired key has ended, in an outage too', async () => {
    const { clock, issuer, endpoint, verifier } = await open({ staleIfErrorSeconds: 86_400 })
    const jwt = await issuer.token({ exp: Math.floor(clock.now() / 1000) + 86_400 })
    await issuer.rotate()
    await verifier.verify(jwt)
    endpoint.fail()
    await clock.advance(3615 * SECOND)
    expect(await codeOf(verifier.verify(jwt))).toBe('key_unknown')
  })

  it('is no answer when no keys may be used any more', async () => {
    const { clock, issuer, endpoint, verifier } = await open({ staleIfErrorSeconds: 0 })
    const jwt = await issuer.token()
    await verifier.verify(jwt)
    endpoint.fail()
    await clock.advance(900 * SECOND)
    expect(await codeOf(verifier.verify(jwt))).toBe('keys_unavailable')
  })

  it('is verified anew when its kid names another key', async () => {
    const { clock, issuer, endpoint, verifier } = await open({ allowForeignKids: true })
    const jwt = await issuer.token()
    const first = await verifier.verify(jwt)
    const [active, next] = issuer.jwks().keys as [object, object]
    endpoint.serve({ keys: [{ ...next, kid: issuer.kid }] })
    await clock.advance(720 * SECOND)
    expect(await codeOf(verifier.verify(jwt))).toBe('signature_invalid')
    endpoint.serve({ keys: [active] })
    await clock.advance(720 * SECOND)
    expect(await verifier.verify(jwt)).not.toBe(first)
  })

  it('is shown to the check of the caller each time', async () => {
    let isAllowed = true
    const { issuer, verifier } = await open({ check: () => isAllowed })
    const jwt = await issuer.token()
    await verifier.verify(jwt)
    isAllowed = false
    expect(await codeOf(verifier.verify(jwt))).toBe('check_failed')
    isAllowed = true
    expect(await codeOf(verifier.verify(jwt))).toBe('none')
  })

  it('says nothing to another verifier, which may expect something else', async () => {
    const { issuer, verifier } = await open()
    const jwt = await issuer.token()
    await verifier.verify(jwt)
    const options = { ...issuer.verifierOptions, tokenCacheSize: 100 }
    const other = createVerifier({ ...options, audience: 'another' })
    expect(await codeOf(other.verify(jwt))).toBe('audience_mismatch')
    expect(other.health().tokenCache.size).toBe(0)
    other.close()
  })

  it('makes nothing good that is only like it: forged ones get in nowhere', async () => {
    const { issuer, verifier } = await open()
    const jwt = await issuer.token()
    await verifier.verify(jwt)
    const [header, , signature] = jwt.split('.')
    const payload = Buffer.from(JSON.stringify({ sub: 'admin' })).toString('base64url')
    expect(await codeOf(verifier.verify(`${header}.${payload}.${signature}`))).toBe('signature_invalid')
    const forged = await issuer.forgedToken()
    for (let ask = 0; ask < 3; ask++) expect(await codeOf(verifier.verify(forged))).toBe('signature_invalid')
    expect(verifier.health().tokenCache).toEqual({ size: 1, hits: 0 })
  })

  it.each([1, -5, 1.5, 100_001, Number.NaN])('is not remembered by a cache of %d', (tokenCacheSize) => {
    expect(() => createVerifier({ issuer: 'https://a.example', audience: 'b', tokenCacheSize })).toThrow(
      expect.objectContaining({ code: 'verifier_options_invalid' }),
    )
  })
})
