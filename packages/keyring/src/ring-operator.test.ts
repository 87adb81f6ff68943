import { codeOf } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import type { KeyringEvent } from './events.ts'
import { openManager, policy } from './open-manager.fixture.ts'

const { timing } = policy
const T = timing.rotationIntervalMs
const GRACE = timing.maxTtlMs + timing.graceSkewMs
const propagation = timing.storePollMs + 2 * timing.clockSkewMs
const lastOf = (events: readonly KeyringEvent[], kind: KeyringEvent['kind']) =>
  events.findLast((event) => event.kind === kind)
const countOf = (events: readonly KeyringEvent[], kind: KeyringEvent['kind']) =>
  events.filter((event) => event.kind === kind).length

describe('a store that leaked (R13, R50)', () => {
  it('loses every key whose private half is in it, and each is named, the one that was asked for first', async () => {
    const { keys, events } = await openManager()
    const [active, next] = keys.ring().keys.map(({ kid }) => kid)
    const outcome = await keys.revoke(next ?? '', { reason: 'backup lost', storeLeaked: true })
    expect(outcome).toMatchObject({ revokedKid: next, revokedKids: [next, active] })
    expect(lastOf(events, 'key-revoked')).toMatchObject({
      revokedKid: next,
      revokedKids: [next, active],
      reason: 'backup lost',
      activeKid: outcome.activeKid,
      early: true,
    })
  })

  it('keeps a retired key whose private half was gone by then', async () => {
    const { keys, advance } = await openManager()
    await advance(T + propagation)
    const [retired, active, next] = keys.ring().keys.map(({ kid }) => kid)
    const { revokedKids } = await keys.revoke(active ?? '', { reason: 'backup lost', storeLeaked: true })
    expect(revokedKids).toEqual([active, next])
    expect(keys.publicJwks().keys.map(({ kid }) => kid)).toContain(retired)
  })

  it('is no less leaked because the key that is asked for was revoked before', async () => {
    const { keys, advance } = await openManager()
    const [first] = keys.ring().keys.map(({ kid }) => kid)
    await advance(1000)
    await keys.revoke(first ?? '', { reason: 'leaked' })
    await advance(1000)
    const held = keys.ring().keys.slice(1)
    const outcome = await keys.revoke(first ?? '', { reason: 'all of it', storeLeaked: true })
    expect(outcome).toMatchObject({ revokedKid: first, revokedKids: held.map(({ kid }) => kid) })
    expect(held).toHaveLength(2)
    const reasons = keys.ring().keys.map(({ revokedReason }) => revokedReason)
    expect(reasons).toEqual(['leaked', 'all of it', null])
  })

  it('is no less leaked because the key that is asked for was removed since', async () => {
    const { keys, advance } = await openManager()
    const [first] = keys.ring().keys.map(({ kid }) => kid)
    await advance(T + GRACE + T)
    const held = keys.ring().keys.filter(({ privateKey }) => privateKey !== null)
    expect(keys.ring().tombstones).toMatchObject([{ kid: first, fate: 'removed' }])
    const { revokedKids } = await keys.revoke(first ?? '', { reason: 'old backup', storeLeaked: true })
    expect(revokedKids).toEqual(held.map(({ kid }) => kid))
  })

  it('has no key that it never had', async () => {
    const { keys } = await openManager()
    const before = keys.ring()
    expect(await codeOf(keys.revoke('none', { reason: 'x', storeLeaked: true }))).toBe('key_not_found')
    expect(keys.ring()).toBe(before)
  })
})

describe('a key that is out of use already (R13)', () => {
  it('is said to be removed, not to be unknown', async () => {
    const { keys, advance } = await openManager()
    const [first] = keys.ring().keys.map(({ kid }) => kid)
    await advance(T + GRACE + T)
    expect(await codeOf(keys.revoke(first ?? '', { reason: 'x' }))).toBe('key_removed')
  })
})

describe('what an operator is said to have done (R6, R50)', () => {
  it('is early only where the key that signs now does so before its lead because of it', async () => {
    const { keys, advance, events } = await openManager()
    const kidsNow = () => keys.ring().keys.map(({ kid }) => kid)
    // the first spare was in every set that was ever served
    await advance(1000)
    await keys.revoke(kidsNow()[0] ?? '', { reason: 'x' })
    expect(lastOf(events, 'key-revoked')).toMatchObject({ early: false })
    await advance(1000)
    await keys.revoke(kidsNow()[1] ?? '', { reason: 'x' })
    expect(lastOf(events, 'key-revoked')).toMatchObject({ early: true })
  })

  it('is not early again while the key of an earlier emergency signs', async () => {
    const { keys, advance, events } = await openManager()
    await advance(T)
    const [retired, active] = keys.ring().keys.map(({ kid }) => kid)
    await keys.revoke(active ?? '', { reason: 'x' })
    expect(lastOf(events, 'key-revoked')).toMatchObject({ early: true })
    await advance(1000)
    await keys.revoke(retired ?? '', { reason: 'x' })
    expect(lastOf(events, 'key-revoked')).toMatchObject({ revokedKid: retired, early: false })
  })

  it('is no request for a rotation when it asks for what is booked already', async () => {
    const { keys, advance, events } = await openManager()
    const first = await keys.rotate()
    expect(await keys.rotate()).toEqual(first)
    expect(countOf(events, 'rotation-requested')).toBe(1)
    await advance(60_000)
    const booked = await keys.rotate({ queue: true })
    expect(await keys.rotate({ queue: true })).toEqual(booked)
    expect(countOf(events, 'rotation-requested')).toBe(2)
  })
})
