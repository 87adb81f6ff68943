import { codeOf } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import { stateOf } from './key-record.ts'
import type { KeyManager } from './manager.ts'
import { openManager, policy } from './open-manager.fixture.ts'

// What goes wrong around the keys, and must not go wrong with them.

const { timing } = policy
const T = timing.rotationIntervalMs
const slower = { ...policy, timing: { ...timing, jwksMaxAgeMs: 2 * timing.jwksMaxAgeMs } }
const kidsOf = (keys: KeyManager) => keys.publicJwks().keys.map(({ kid }) => kid)

describe('another ring in place of this one (R16)', () => {
  it('is refused, and said until the right one is back', async () => {
    const { keys, store, clock } = await openManager()
    const mine = keys.ring()
    const theirs = { ...mine, ringId: 'another', generation: mine.generation + 1 }
    await store.save(theirs, mine.generation, { overAnyRing: true })
    await clock.advance(1)
    expect(keys.health()).toMatchObject({ status: 'degraded', storeError: 'ring_replaced' })
    expect(keys.ring()).toBe(mine)
    expect(await codeOf(keys.rotate({ force: true }))).toBe('ring_replaced')
    expect(await store.load()).toBe(theirs)
    await store.save({ ...mine, generation: theirs.generation + 1 }, theirs.generation, { overAnyRing: true })
    await clock.advance(1)
    expect(keys.health().status).toBe('ok')
  })

  it('is refused too when it is an old one, in which a revoked key is good again (R12)', async () => {
    const { keys, store, clock } = await openManager()
    const old = keys.ring()
    const leaked = old.keys[0]?.kid ?? ''
    await clock.advance(1000)
    await keys.revoke(leaked, { reason: 'leaked' })
    await clock.advance(1)
    const now = keys.ring().generation
    await store.save({ ...old, generation: now + 1 }, now)
    await clock.advance(1)
    expect(keys.health().storeError).toBe('ring_replaced')
    expect(kidsOf(keys)).not.toContain(leaked)
  })
})

describe('clocks and settings that disagree (R4, R6, R7)', () => {
  it('serves the set of the time that is, after a clock that was ahead is put right', async () => {
    const { keys, clock } = await openManager()
    const before = keys.publicJwks()
    clock.jump(3 * T)
    expect(keys.publicJwks()).not.toEqual(before)
    clock.jump(-3 * T)
    expect(keys.publicJwks()).toEqual(before)
  })

  it('comes to rest when two managers serve with different headers, and remembers the longer', async () => {
    const { reopen, clock, keys } = await openManager()
    await reopen({ policy: slower })
    await clock.advance(60_000)
    await reopen()
    await clock.advance(60_000)
    await reopen({ policy: slower })
    await clock.advance(60_000)
    const { generation, exposures } = keys.ring()
    expect(generation).toBeLessThan(6)
    expect(exposures.filter(({ servedUntil }) => servedUntil === null)).toHaveLength(1)
    await clock.advance(60_000)
    expect(keys.ring().generation).toBe(generation)
  })

  it('remembers sets that were served with a longer life until the last has died', async () => {
    const { keys, reopen, clock } = await openManager({ policy: slower })
    await keys.close()
    await clock.advance(60_000)
    const again = await reopen({ policy })
    expect(again.ring().exposures).toHaveLength(2)
    await again.revoke(again.ring().keys[1]?.kid ?? '', { reason: 'test' })
    await clock.advance(1000)
    const next = again.ring().keys[1]
    const longest = slower.timing.jwksMaxAgeMs + timing.jwksStaleWhileRevalidateMs + timing.verifierRefreshMs
    expect((next?.signableAt ?? 0) - clock.now()).toBeGreaterThan(longest - 120_000)
  })
})

describe('who listens and who is in between (R9, R13)', () => {
  it('goes on when the listener of events fails', async () => {
    const warned: Error[] = []
    const note = (warning: Error) => warned.push(warning)
    process.on('warning', note)
    const onEvent = () => {
      throw new Error('listener')
    }
    const { keys, clock } = await openManager({ onEvent })
    await clock.advance(T)
    process.off('warning', note)
    expect(keys.ring().keys.map((key) => stateOf(key, clock.now()))).toEqual(['retired', 'active', 'next'])
    expect(warned.map(({ message }) => message)).toContain('a listener of events failed at key-activated')
  })

  it('goes on when the listener fails later, and the process with it', async () => {
    const unhandled: unknown[] = []
    const note = (reason: unknown) => unhandled.push(reason)
    process.on('unhandledRejection', note)
    const onEvent = async () => {
      throw new Error('listener')
    }
    const { keys, clock } = await openManager({ onEvent })
    await clock.advance(T)
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
    expect(keys.health().status).toBe('ok')
  })

  it('says of its own writes that they are its own', async () => {
    const { clock, events } = await openManager()
    await clock.advance(T)
    expect(events.map(({ kind }) => kind)).not.toContain('ring-adopted')
  })

  it('revokes the active key though a spare comes while a fresh pair is made', async () => {
    const { keys, clock, store } = await openManager()
    const [first, second] = keys.ring().keys
    const save = store.save.bind(store)
    store.save = () => Promise.reject(new Error('disk full'))
    await clock.advance(T)
    store.save = save
    const [outcome] = await Promise.all([
      keys.revoke(second?.kid ?? '', { reason: 'leaked' }),
      clock.advance(300_000),
    ])
    expect(kidsOf(keys)).toContain(outcome.activeKid)
    expect(kidsOf(keys)).not.toContain(second?.kid)
    expect([first?.kid, second?.kid]).not.toContain(outcome.activeKid)
  })
})
