import { codeOf } from '@keyturn/testing'
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { stateOf } from './key-record.ts'
import { KeyManager } from './manager.ts'
import { openManager, policy } from './open-manager.fixture.ts'
import { activeKey } from './ring.ts'
import { MemoryKeyStore } from './stores/memory-key-store.ts'
import { exposureOf, leadOf } from './timing.ts'

const { timing } = policy
const HOUR = 3_600_000
const T = timing.rotationIntervalMs
const expectations = { issuer: 'https://auth.test', audience: 'orders' }
const claims = { iss: 'https://auth.test', aud: 'orders', sub: 'u1', jti: 'j1', client_id: 'c1' }
const options = { ttlSeconds: 3600, typ: 'at+jwt' }
const kidOf = (jwt: string) => decodeProtectedHeader(jwt).kid
const states = (keys: KeyManager, now: number) => keys.ring().keys.map((key) => stateOf(key, now))

describe('KeyManagerRotation (R3, R4, R5, R63)', () => {
  it('starts with an active key and a spare, written at once', async () => {
    const { keys, clock } = await openManager()
    expect(states(keys, clock.now())).toEqual(['active', 'next'])
    expect(keys.ring().generation).toBe(1)
    expect(keys.publicJwks().keys).toHaveLength(2)
  })

  it('signs with the spare from the instant that was fixed, and makes the next spare', async () => {
    const { keys, clock, advance } = await openManager()
    const [first, second] = keys.ring().keys
    expect(kidOf(await keys.sign(claims, options))).toBe(first?.kid)
    await advance(T)
    expect(kidOf(await keys.sign(claims, options))).toBe(second?.kid)
    expect(states(keys, clock.now())).toEqual(['retired', 'active', 'next'])
    expect(keys.ring().keys[2]?.activateAt).toBe((second?.activateAt ?? 0) + T)
  })

  it('rotates once after a long sleep, and reckons the successor from the wake', async () => {
    const { keys, clock, reopen } = await openManager()
    await keys.close()
    await clock.advance(10 * T)
    const again = await reopen()
    const live = again.ring().keys.filter((key) => stateOf(key, clock.now()) !== 'removed')
    expect(live.map((key) => stateOf(key, clock.now()))).toEqual(['active', 'next'])
    expect(live[1]?.activateAt).toBe(clock.now() + T)
  })

  it('moves nothing at a plain restart', async () => {
    const { keys, clock, reopen } = await openManager()
    await keys.close()
    await clock.advance(HOUR)
    const again = await reopen()
    expect(again.ring()).toBe(keys.ring())
  })

  it('brings a rotation forward when the spare has been published long enough', async () => {
    const { keys, clock, advance } = await openManager()
    const [first, second] = keys.ring().keys
    const rotation = await keys.rotate()
    expect(rotation).toMatchObject({ activeKid: second?.kid, previousKid: first?.kid, nextKid: null })
    expect(rotation.activateAt - clock.now()).toBe(timing.storePollMs)
    await advance(rotation.activateAt - clock.now())
    expect(kidOf(await keys.sign(claims, options))).toBe(second?.kid)
  })

  it('leaves time for the skew of clocks where signers do not share one', async () => {
    const store = Object.assign(new MemoryKeyStore(), { sharesClock: false })
    const { keys, clock } = await openManager({ store })
    expect((await keys.rotate()).activateAt - clock.now()).toBe(timing.storePollMs + 2 * timing.clockSkewMs)
  })

  it('describes the key that was brought forward, even if the write ends after its activation', async () => {
    const store = new MemoryKeyStore()
    const { keys, clock } = await openManager({ store })
    const [first, second] = keys.ring().keys
    const save = store.save.bind(store)
    store.save = async (ring, expected) => {
      await save(ring, expected)
      clock.jump(2 * timing.storePollMs)
    }
    expect(await keys.rotate()).toMatchObject({ activeKid: second?.kid, previousKid: first?.kid })
  })

  it("adds no key and no schedule of its own to an operator's change", async () => {
    const { keys, clock, reopen } = await openManager()
    await keys.close()
    const visit = await reopen({ serving: false })
    const { activateAt } = await visit.rotate()
    await clock.advance(activateAt - clock.now() + T)
    expect(visit.ring().generation).toBe(2)
    expect(clock.pendingTimers).toBe(0)
  })

  it('makes the missing next key at an operator visit, and does nothing else that is due', async () => {
    const { keys, reopen, advance } = await openManager()
    await keys.close()
    await advance(T + HOUR)
    const longer = { ...policy, timing: { ...timing, maxTtlMs: 2 * HOUR } }
    const visit = await reopen({ policy: longer, serving: false })
    const before = visit.ring().keys
    expect(await codeOf(visit.rotate())).toBe('rotation_too_early')
    const after = visit.ring().keys
    expect(after).toHaveLength(before.length + 1)
    expect(after[0]).toBe(before[0])
    expect(after[1]?.maxTtlSeconds).toBe(3600)
  })

  it('refuses, books or forces a second rotation inside the lead (R6)', async () => {
    const { keys, clock, advance, events } = await openManager()
    await keys.rotate()
    await advance(HOUR / 60)
    const next = keys.ring().keys.at(-1)
    expect(await codeOf(keys.rotate())).toBe('rotation_too_early')
    expect((await keys.rotate({ queue: true })).activateAt).toBe(next?.signableAt)
    expect((await keys.rotate({ force: true })).activateAt).toBeLessThan(next?.signableAt ?? 0)
    expect(events.findLast(({ kind }) => kind === 'rotation-requested')).toMatchObject({ forced: true })
    expect(next?.signableAt).toBeGreaterThan(clock.now())
  })
})

describe('KeyManagerGracePeriod (R7, R8, R27, R63)', () => {
  it('verifies and publishes a retired key until its last token has expired', async () => {
    const { keys, clock, advance } = await openManager()
    await advance(T - 1)
    const late = await keys.sign(claims, options)
    await advance(HOUR)
    expect(keys.verify(late, expectations).claims.jti).toBe('j1')
    expect(keys.publicJwks().keys.map(({ kid }) => kid)).toContain(kidOf(late))
    await advance(timing.graceSkewMs + 1)
    expect(keys.publicJwks().keys.map(({ kid }) => kid)).not.toContain(kidOf(late))
    expect(() => keys.verify(late, expectations)).toThrow(expect.objectContaining({ code: 'key_unknown' }))
    expect(clock.now()).toBeGreaterThan(T)
  })

  it('announces the end of a key only when no longer lifetime can be promised for it any more', async () => {
    const { keys, clock, advance } = await openManager()
    expect(keys.publicJwks().keys.map(({ exp }) => exp)).toEqual([undefined, undefined])
    await advance(T)
    const end = clock.now() + HOUR + timing.graceSkewMs
    expect(keys.publicJwks().keys.map(({ exp }) => exp)).toEqual([undefined, undefined, undefined])
    await advance(timing.storePollMs + 2 * timing.clockSkewMs)
    const [retired, ...others] = keys.publicJwks().keys
    expect(retired?.exp).toBe(Math.ceil(end / 1000))
    expect(others.map(({ exp }) => exp)).toEqual([undefined, undefined])
  })

  it('drops the private half once no signer can need it, and from the kept generation too', async () => {
    const { keys, advance } = await openManager()
    await advance(T)
    expect(keys.ring().keys[0]?.privateKey).not.toBeNull()
    await advance(timing.storePollMs + 2 * timing.clockSkewMs)
    expect(keys.ring().keys[0]?.privateKey).toBeNull()
    expect(keys.ring().echoes).toBe(false)
  })

  it('refuses a token that would outlive the promise of its key', async () => {
    const { keys } = await openManager()
    expect(await codeOf(keys.sign(claims, { ...options, ttlSeconds: 3601 }))).toBe('ttl_too_long')
  })

  it('raises the promise by a write at start, never by shortening one', async () => {
    const { keys, reopen } = await openManager()
    await keys.close()
    const longer = { ...policy, timing: { ...timing, maxTtlMs: 2 * HOUR } }
    const again = await reopen({ policy: longer })
    expect(again.maxTtlSeconds).toBe(7200)
    const [before, after] = [keys.ring().keys[0], again.ring().keys[0]]
    expect(after?.maxTtlSeconds).toBe(7200)
    expect(after?.publishUntil).toBe((before?.publishUntil ?? 0) + HOUR)
    expect(after?.activateAt).toBe(before?.activateAt)
  })

  it('opens all the same when that write fails, and says how long a token may live until it is made', async () => {
    const { keys, clock, store, reopen } = await openManager()
    await keys.close()
    const save = store.save.bind(store)
    store.save = () => Promise.reject(new Error('disk full'))
    const again = await reopen({ policy: { ...policy, timing: { ...timing, maxTtlMs: 2 * HOUR } } })
    expect(again.health().status).toBe('degraded')
    expect(again.maxTtlSeconds).toBe(3600)
    store.save = save
    await clock.advance(1000)
    expect(again.health().status).toBe('ok')
    expect(again.maxTtlSeconds).toBe(7200)
  })

  it('takes nothing away while the clocks disagree', async () => {
    const { keys, clock, advance } = await openManager()
    clock.jump(T + 2 * HOUR)
    await advance(60_000)
    expect(keys.ring().keys.every(({ privateKey }) => privateKey !== null)).toBe(true)
    await advance(leadOf(timing))
    expect(keys.ring().keys.some(({ privateKey }) => privateKey === null)).toBe(false)
    expect(states(keys, clock.now())).toEqual(['active', 'next'])
  })
})

describe('revocation (R13)', () => {
  it('takes the active key out of the set at once; the spare signs', async () => {
    const { keys, clock } = await openManager()
    const [first, second] = keys.ring().keys
    const old = await keys.sign(claims, options)
    await clock.advance(1000)
    const outcome = await keys.revoke(first?.kid ?? '', { reason: 'leaked' })
    expect(outcome).toMatchObject({ revokedKid: first?.kid, activeKid: second?.kid })
    expect(outcome.refusedEverywhereBy).toBe(clock.now() + timing.storePollMs + exposureOf(timing))
    expect(() => keys.verify(old, expectations)).toThrow(expect.objectContaining({ code: 'key_unknown' }))
    expect(kidOf(await keys.sign(claims, options))).toBe(second?.kid)
    expect(keys.ring().keys[0]).toMatchObject({ privateKey: null, revokedReason: 'leaked' })
  })

  it('swaps in a fresh pair when the store leaked, and revokes every private half', async () => {
    const { keys } = await openManager()
    const before = keys.ring().keys.map(({ kid }) => kid)
    const { activeKid } = await keys.revoke(before[0] ?? '', { reason: 'backup lost', storeLeaked: true })
    expect(before).not.toContain(activeKid)
    for (const { kid } of keys.publicJwks().keys) expect(before).not.toContain(kid)
  })

  it('goes on signing when only the spare is revoked, and makes another', async () => {
    const { keys, clock, advance } = await openManager()
    const [first, second] = keys.ring().keys
    await keys.revoke(second?.kid ?? '', { reason: 'test' })
    await advance(1000)
    expect(kidOf(await keys.sign(claims, options))).toBe(first?.kid)
    expect(states(keys, clock.now())).toEqual(['active', 'next'])
    expect(keys.ring().tombstones).toMatchObject([{ kid: second?.kid, fate: 'revoked' }])
  })

  it('names a kid that is not there, or was revoked before', async () => {
    const { keys } = await openManager()
    const kid = keys.ring().keys[0]?.kid ?? ''
    expect(await codeOf(keys.revoke('none', { reason: 'x' }))).toBe('key_not_found')
    await keys.revoke(kid, { reason: 'x' })
    expect(await codeOf(keys.revoke(kid, { reason: 'x' }))).toBe('key_already_revoked')
  })
})

describe('KeyManagerConcurrency (R10, R11, R63)', () => {
  it('lets many managers over one store agree on one key', async () => {
    const { keys, clock, reopen } = await openManager()
    const many = [keys, await reopen(), await reopen(), await reopen()]
    await clock.advance(T)
    expect(
      new Set(
        many.map((keys) =>
          keys
            .ring()
            .keys.map(({ kid }) => kid)
            .join(),
        ),
      ).size,
    ).toBe(1)
    expect(many[0]?.ring().keys).toHaveLength(3)
  })

  it('signs without pause while rotations go on', async () => {
    const { keys, advance } = await openManager()
    for (let rotation = 0; rotation < 5; rotation++) {
      const published = createLocalJWKSet(keys.publicJwks() as never)
      const [jwts] = await Promise.all([
        Promise.all(Array.from({ length: 20 }, () => keys.sign(claims, options))),
        advance(T),
      ])
      for (const jwt of jwts) {
        const currentDate = new Date((decodeJwt(jwt).iat ?? 0) * 1000)
        await expect(jwtVerify(jwt, published, { currentDate })).resolves.toBeDefined()
      }
    }
    expect(keys.health().status).toBe('ok')
  })

  it('gives the same frozen set object until the content changes', async () => {
    const { keys, advance } = await openManager()
    const before = keys.publicJwks()
    await advance(HOUR)
    expect(keys.publicJwks()).toBe(before)
    await advance(T)
    expect(keys.publicJwks()).not.toBe(before)
    expect(Object.isFrozen(before.keys)).toBe(true)
  })
})

describe('a rotation that fails (R9, R18)', () => {
  it('leaves the active key signing, retries, and says so', async () => {
    const store = new MemoryKeyStore()
    const { keys, advance, events } = await openManager({ store })
    const save = store.save.bind(store)
    store.save = () => Promise.reject(new Error('disk full'))
    await advance(T)
    expect(keys.health()).toMatchObject({ status: 'degraded', nextKeyReady: false })
    expect(await keys.sign(claims, options)).toBeTypeOf('string')
    await advance(10_000)
    expect(keys.health().consecutiveFailures).toBeGreaterThan(1)
    store.save = save
    await advance(300_000)
    expect(keys.health()).toMatchObject({ status: 'ok', nextKeyReady: true, consecutiveFailures: 0 })
    expect(events.map(({ kind }) => kind)).toContain('rotation-recovered')
  })

  it('lets no longer cache headers be served before the ring knows of them (R6)', async () => {
    const { keys, store, clock, reopen } = await openManager()
    await keys.close()
    const save = store.save.bind(store)
    store.save = () => Promise.reject(new Error('disk full'))
    const longer = { ...policy, timing: { ...timing, jwksMaxAgeMs: HOUR } }
    const again = await reopen({ policy: longer })
    expect([keys.isExposureRecorded, again.isExposureRecorded]).toEqual([true, false])
    store.save = save
    await clock.advance(10_000)
    expect(again.isExposureRecorded).toBe(true)
  })
})

describe('a revocation without a reason (R13)', () => {
  it('has one all the same', async () => {
    const { keys, events } = await openManager()
    const { kid } = activeKey(keys.ring(), keys.now)
    expect((await keys.revoke(kid)).revokedKids).toEqual([kid])
    expect(events.find((event) => event.kind === 'key-revoked')).toMatchObject({ reason: 'revoked' })
  })
})

describe('options of a manager (R54)', () => {
  const open = (options: object) => KeyManager.open({ store: new MemoryKeyStore(), policy, ...options })

  it('are refused where they mean nothing, with what is probably meant, and where they are inherited', async () => {
    await expect(open({ maxStalenesMs: 1 })).rejects.toMatchObject({
      code: 'manager_options_invalid',
      message: '"maxStalenesMs" is no option of a key manager',
      remedy: 'did you mean maxStalenessMs?',
    })
    const inherited = Object.create({ store: new MemoryKeyStore(), policy })
    expect(await codeOf(KeyManager.open(inherited))).toBe('manager_options_invalid')
  })

  it('are the default where they are undefined', async () => {
    const names = ['serving', 'clock', 'onEvent', 'audit', 'generate', 'maxStalenessMs', 'random']
    const keys = await open(Object.fromEntries(names.map((name) => [name, undefined])))
    expect(keys.ring().generation).toBe(1)
    await keys.close()
  })
})

describe('a policy that cannot hold (R54)', () => {
  it.each([
    ['interval within the lead', { rotationIntervalMs: leadOf(timing) }],
    ['grace below tolerance and skew', { graceSkewMs: 14_999 }],
    ['more keys than verifiers take', { maxTtlMs: 40 * 24 * HOUR }],
    ['no poll', { storePollMs: 0 }],
  ])('is refused: %s', async (_, change) => {
    const action = KeyManager.open({
      store: new MemoryKeyStore(),
      policy: { ...policy, timing: { ...timing, ...change } },
    })
    expect(await codeOf(action)).toBe('policy_invalid')
  })

  it('is refused where the store shows later than that what others write', async () => {
    const open = (pollMs: number) =>
      openManager({ store: Object.assign(new MemoryKeyStore(), { pollMs }), policy })
    const { storePollMs } = timing
    await expect(open(storePollMs + 1)).rejects.toMatchObject({
      code: 'policy_invalid',
      message: `storePollMs: expected at least the ${storePollMs + 1} ms in which the store shows what others write`,
    })
    await open(storePollMs)
  })

  it.each([0, Number.NaN])('is refused with a limit of %s ms to what is too old', async (maxStalenessMs) => {
    expect(await codeOf(openManager({ maxStalenessMs }))).toBe('policy_invalid')
  })
})
