import { instantOf, parseJwkSet } from '@keyturn/core'
import { fakeClock, testIssuer } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import type { VerifierEvent } from '../events.ts'
import type { KeySetResponse } from './http-fetch.ts'
import { plainFormat } from './key-set-format.ts'
import { KeySetMemory, type KeySetMemoryOptions } from './key-set-memory.ts'
import type { Snapshot } from './snapshot.ts'

const SECOND = 1000
const { keys } = (await testIssuer()).jwks()
const kids = keys.map(({ kid }) => kid)
const bodyOf = (keyturn?: object) => Buffer.from(JSON.stringify({ keys, keyturn }))
const headers = { etag: undefined, cacheControl: 'max-age=900', age: undefined }
const whole = (change: { etag?: string; keyturn?: object | undefined } = {}): KeySetResponse => {
  return { ...headers, etag: change.etag, status: 200, body: bodyOf(change.keyturn) }
}
const unchanged = (etag?: string): KeySetResponse => ({ ...headers, etag, status: 304 })

/** A memory with a store that holds what the process before left, if anything. */
function open(options: Partial<KeySetMemoryOptions> & { left?: Partial<Snapshot> } = {}) {
  const clock = fakeClock()
  const events: VerifierEvent[] = []
  const written: Snapshot[] = []
  const { left, ...rest } = options
  const found = { body: bodyOf(), etag: '"left"', askedAt: clock.now(), freshMs: 900 * SECOND, ...left }
  const store = {
    reads: 0,
    async read() {
      store.reads += 1
      return left === undefined ? undefined : found
    },
    async write(snapshot: Snapshot) {
      written.push(snapshot)
    },
  }
  const memory = new KeySetMemory({
    cache: { minMs: 60 * SECOND, maxMs: 3600 * SECOND, defaultMs: 300 * SECOND },
    staleIfErrorMs: 3600 * SECOND,
    format: plainFormat({}),
    pinned: undefined,
    snapshots: store,
    clock,
    onEvent: (event) => events.push(event),
    ...rest,
  })
  const take = (response: KeySetResponse) => memory.take(response, instantOf(clock))
  return { clock, events, written, store, memory, take }
}
const refused = (code: string) =>
  expect.objectContaining({ code, message: expect.stringMatching(/expected \S/) })

describe('sets that a root key has signed (R39)', () => {
  /** What is signed is taken for granted here: the date stands beside the edition. */
  const format = {
    read: (body: Uint8Array) => {
      const issuedAt = JSON.parse(Buffer.from(body).toString()).keyturn.issuedAt
      const signature = { rootKid: 'root', issuedAt, expiresAt: Number.POSITIVE_INFINITY }
      return { ...parseJwkSet(body), signature }
    },
  }
  const signed = (ring: string, version: number, issuedAt: number) =>
    whole({ keyturn: { ring, version, issuedAt } })

  it('of a ring that was given up are not taken again, though they are good for hours', () => {
    const { take } = open({ format })
    take(signed('a', 7, 1))
    take(signed('b', 1, 1))
    for (const replayed of [signed('a', 7, 1), signed('a', 8, 0)])
      expect(() => take(replayed)).toThrow(refused('key_set_older'))
    take(signed('b', 2, 2))
    expect(() => take(signed('a', 9, 1))).toThrow(refused('key_set_older'))
    // the operator has put the old ring back
    expect(take(signed('a', 10, 3)).set.edition?.ring).toBe('a')
  })

  it('keep older ones out also when they are of no use any more', async () => {
    const { clock, memory, take } = open({ format })
    take(signed('a', 7, 1))
    await clock.advance(86_400 * SECOND)
    expect(memory.isUsable()).toBe(false)
    expect(() => take(signed('a', 6, 2))).toThrow(refused('key_set_older'))
  })
})

describe('JWKSCache: the set in use and its tag (R35)', () => {
  it('keeps its tag through a confirmation, whatever that brings', () => {
    const { memory, take } = open()
    take(whole({ etag: '"1"' }))
    take(unchanged())
    expect(memory.etag).toBe('"1"')
    take(unchanged('"2"'))
    expect(memory.etag).toBe('"1"')
  })

  it('is fresh for as long as before after a confirmation that does not say (RFC 9111, section 4.3.4)', () => {
    const { take } = open()
    const unsaid = { ...unchanged('"1"'), cacheControl: undefined }
    take(whole({ etag: '"1"' }))
    expect(take(unsaid).freshMs).toBe(900 * SECOND)
    take({ ...unchanged('"1"'), cacheControl: 'max-age=60' })
    expect(take(unsaid).freshMs).toBe(60 * SECOND)
    expect(take({ ...whole(), cacheControl: undefined }).freshMs).toBe(300 * SECOND)
  })

  it('is not replaced by one whose every key has ended', () => {
    const { clock, memory, take } = open()
    take(whole())
    const ending = (exp: number) => ({
      ...whole(),
      body: Buffer.from(JSON.stringify({ keys: keys.map((key) => ({ ...key, exp })) })),
    })
    const now = clock.now() / 1000
    expect(() => take(ending(now) as never)).toThrow(refused('key_set_without_usable_key'))
    expect(memory.held?.set.keys.get(String(kids[0]))?.expiresAt).toBe(Infinity)
    expect(take(ending(now + 1) as never).set.keys.size).toBe(keys.length)
  })

  it('has no tag but its own', () => {
    const { memory, take } = open()
    expect(memory.etag).toBeUndefined()
    expect(() => take(unchanged('"1"'))).toThrow(refused('fetch_status'))
    take(whole({ etag: '"1"' }))
    take(whole())
    expect(memory.etag).toBeUndefined()
    expect(() => take(unchanged())).toThrow(refused('fetch_status'))
  })

  it.each([204, 206, 301, 500])('is no answer of status %d, whoever passed it on', (status) => {
    const { memory, take } = open()
    expect(() => take({ ...whole(), status } as never)).toThrow(refused('fetch_status'))
    expect(memory.held).toBeUndefined()
  })

  it('is asked for whole once it has ended', async () => {
    const { clock, memory, take } = open()
    take(whole({ etag: '"1"' }))
    await clock.advance(4500 * SECOND - 1)
    expect([memory.etag, memory.isUsable(), memory.isFresh()]).toEqual(['"1"', true, false])
    await clock.advance(1)
    expect([memory.etag, memory.isUsable(), memory.find(kids[0] as string)]).toEqual([
      undefined,
      false,
      undefined,
    ])
    expect(() => take(unchanged('"1"'))).toThrow(refused('fetch_status'))
  })

  it('has an age in whole seconds, since it was asked for', async () => {
    const { clock, memory } = open()
    expect(memory.ageSeconds).toBeUndefined()
    const askedAt = instantOf(clock)
    await clock.advance(SECOND)
    memory.take(whole(), askedAt)
    expect(memory.ageSeconds).toBe(1)
    await clock.advance(999)
    expect(memory.ageSeconds).toBe(1)
  })

  it.each([
    ['an older one of its ring', { ring: 'a', version: 6 }, 'key_set_older'],
    ['the same version again', { ring: 'a', version: 7 }, undefined],
    ['a newer one', { ring: 'a', version: 8 }, undefined],
    ['one of another ring', { ring: 'b', version: 1 }, undefined],
    ['one that says nothing of it', undefined, undefined],
  ])('gives way or not to %s', (_, keyturn, code) => {
    const { memory, take } = open()
    const before = take(whole({ keyturn: { ring: 'a', version: 7 } }))
    if (code === undefined) expect(take(whole({ keyturn })).set.edition).toEqual(keyturn)
    else expect(() => take(whole({ keyturn }))).toThrow(refused(code))
    expect(memory.held === before).toBe(code !== undefined)
  })
})

describe('a set that is written down (R38)', () => {
  it('is as it came, with when it was asked for', async () => {
    const { clock, written, memory } = open()
    await clock.advance(5 * SECOND)
    const asked = instantOf(clock)
    await clock.advance(10 * SECOND)
    memory.take(whole({ etag: '"1"' }), asked)
    expect(written).toEqual([{ body: bodyOf(), etag: '"1"', askedAt: asked.wall, freshMs: 900 * SECOND }])
  })

  it('is written down again when it is confirmed, but no more than once in the shortest cache time', async () => {
    const { clock, written, take } = open()
    take(whole({ etag: '"1"' }))
    await clock.advance(60 * SECOND - 1)
    take(unchanged())
    await clock.advance(1)
    take(unchanged())
    await clock.advance(0)
    expect(written.map(({ askedAt }) => askedAt)).toEqual([clock.now() - 60 * SECOND, clock.now()])
    expect(written[1]).toMatchObject({ body: bodyOf(), etag: '"1"' })
  })

  it('may be none: nothing is read then, and nothing written', async () => {
    const { memory, take, events } = open({ snapshots: undefined })
    await memory.recall()
    take(whole())
    expect([memory.held?.origin, events]).toEqual(['remote', []])
  })
})

describe('a set that the process before left (R38)', () => {
  it('is in use at once while it is fresh, as old as it is', async () => {
    const { clock, memory, events } = open({ left: { askedAt: fakeClock().now() - 100 * SECOND } })
    await memory.recall()
    expect(events).toEqual([{ kind: 'fallback-keys-used', source: 'snapshot', kids }])
    expect([memory.ageSeconds, memory.etag, memory.isFresh()]).toEqual([100, '"left"', true])
    await clock.advance(800 * SECOND)
    expect([memory.isFresh(), memory.isUsable()]).toEqual([false, true])
  })

  it('is not younger than now, though it is dated a little later', async () => {
    const { memory } = open({ left: { askedAt: fakeClock().now() + 30 * SECOND } })
    await memory.recall()
    expect(memory.ageSeconds).toBe(0)
  })

  it('may be none', async () => {
    const { memory, events } = open()
    await memory.recall()
    memory.useReserve()
    expect([memory.held, events]).toEqual([undefined, []])
  })

  it('is read once, however often it is asked for', async () => {
    const { memory, store, events } = open({ left: {} })
    await Promise.all([memory.recall(), memory.recall()])
    await memory.recall()
    expect([store.reads, events.length]).toEqual([1, 1])
  })

  it('takes the place of no answer that came first', async () => {
    const { clock, memory, take, events } = open({ left: { freshMs: 10_000 * SECOND } })
    const recalled = memory.recall()
    take(whole())
    await recalled
    memory.useReserve()
    expect([memory.held?.origin, events]).toEqual(['remote', []])
    await clock.advance(4500 * SECOND)
    memory.useReserve()
    expect([memory.isUsable(), events]).toEqual([false, []])
  })

  it('waits for the endpoint to fail when it is stale', async () => {
    const { memory, events } = open({ left: { askedAt: fakeClock().now() - 900 * SECOND } })
    await memory.recall()
    expect([memory.held, events]).toEqual([undefined, []])
    memory.useReserve()
    expect([memory.held?.origin, memory.isFresh()]).toEqual(['snapshot', false])
    memory.useReserve()
    expect(events).toHaveLength(1)
  })

  it('keeps an older set out before it is in use itself', async () => {
    const { clock, memory, take } = open({
      left: {
        body: bodyOf({ ring: 'a', version: 7 }),
        askedAt: fakeClock().now() - 900 * SECOND,
      },
    })
    await memory.recall()
    await clock.advance(SECOND)
    expect(() => take(whole({ keyturn: { ring: 'a', version: 6 } }))).toThrow(refused('key_set_older'))
  })

  it.each([
    ['key_set_malformed', plainFormat({})],
    [
      'internal_error',
      {
        read: () => {
          throw new TypeError('a bug')
        },
      },
    ],
  ])('is done without when it cannot be read: %s', async (code, format) => {
    const { memory, events } = open({ left: { body: Buffer.from('no set') }, format })
    await memory.recall()
    memory.useReserve()
    expect(memory.held).toBeUndefined()
    expect(events).toEqual([{ kind: 'snapshot-failed', operation: 'read', code }])
  })
})

describe('keys that are pinned beside an endpoint (R38)', () => {
  const pinned = parseJwkSet(bodyOf())

  it('are stale from the beginning, have no age, and never end by themselves', async () => {
    const { clock, memory, events } = open({ pinned })
    memory.useReserve()
    await clock.advance(10_000 * SECOND)
    expect([memory.isFresh(), memory.isUsable(), memory.ageSeconds]).toEqual([false, true, undefined])
    expect(events).toEqual([{ kind: 'fallback-keys-used', source: 'pinned', kids }])
  })

  it('come after what the process before left, and before nothing', async () => {
    const at = (ageSeconds: number) => ({ askedAt: fakeClock().now() - ageSeconds * SECOND })
    for (const [left, origin] of [
      [at(1000), 'snapshot'],
      [at(4500), 'pinned'],
    ] as const) {
      const { memory } = open({ pinned, left })
      await memory.recall()
      memory.useReserve()
      expect(memory.held?.origin).toBe(origin)
    }
  })

  it('keep an older set out, also where what was left cannot be read', async () => {
    const edition = bodyOf({ ring: 'a', version: 7 })
    const { memory, take } = open({ pinned: parseJwkSet(edition), left: { body: Buffer.from('no set') } })
    await memory.recall()
    expect(() => take(whole({ keyturn: { ring: 'a', version: 6 } }))).toThrow(refused('key_set_older'))
  })

  it('keep nothing out once they are not used any more: a place that lied once locks no true set out', async () => {
    const lie = { body: bodyOf({ ring: 'a', version: Number.MAX_SAFE_INTEGER }) }
    const { clock, memory, take } = open({ left: lie })
    await memory.recall()
    const truth = whole({ keyturn: { ring: 'a', version: 7 } })
    expect(() => take(truth)).toThrow(refused('key_set_older'))
    await clock.advance(4500 * SECOND)
    expect(take(truth).set.edition?.version).toBe(7)
  })

  it('are given up for good with the first answer', async () => {
    const { clock, memory, take, events } = open({ pinned })
    take(whole())
    await clock.advance(4500 * SECOND)
    memory.useReserve()
    expect([memory.held?.origin, memory.isUsable(), events]).toEqual(['remote', false, []])
  })
})
