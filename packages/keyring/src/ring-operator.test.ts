import { codeOf } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import type { AuditTrail } from './audit-trail.ts'
import type { KeyringEvent } from './events.ts'
import { generateSigningPair } from './key-pair.ts'
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

  it('is told by a key in use: what was made since another is out of use may not have leaked', async () => {
    const { keys, advance } = await openManager()
    const kidsNow = () => keys.ring().keys.map(({ kid }) => kid)
    const [removed] = kidsNow()
    await advance(T + GRACE + T)
    await keys.revoke(kidsNow().at(-1) ?? '', { reason: 'never signed' })
    const [neverSigned] = keys.ring().tombstones.filter(({ fate }) => fate === 'revoked')
    await advance(1000)
    const before = keys.ring()
    const leak = { reason: 'all of it', storeLeaked: true }
    expect(await codeOf(keys.revoke(removed ?? '', leak))).toBe('key_removed')
    expect(await codeOf(keys.revoke(neverSigned?.kid ?? '', leak))).toBe('key_already_revoked')
    expect(keys.ring()).toBe(before)
  })

  it('loses nothing that another operator has made since, because of the same leak', async () => {
    const { keys, reopen, advance } = await openManager()
    await advance(T + propagation)
    const [retired, active, next] = keys.ring().keys.map(({ kid }) => kid)
    const [one, other] = [await reopen({ serving: false }), await reopen({ serving: false })]
    const leak = { reason: 'backup lost', storeLeaked: true }
    const first = await one.revoke(active ?? '', leak)
    expect(first.revokedKids).toEqual([active, next])
    // who asks for the same key is told so; who asks for another one takes that one
    expect(await codeOf((await reopen({ serving: false })).revoke(active ?? '', leak))).toBe(
      'key_already_revoked',
    )
    const second = await other.revoke(retired ?? '', leak)
    expect(second).toMatchObject({ revokedKids: [retired], activeKid: first.activeKid })
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

describe('operators who come at the same time (R13)', () => {
  const STORM = 30

  it('take turns: none is defeated by another of this process', async () => {
    const failed: string[] = []
    const record: AuditTrail['record'] = async ({ failed: write }) => {
      if (write !== undefined) failed.push(write.code)
      return null
    }
    const { keys } = await openManager({ audit: { record } })
    const { generation } = keys.ring()
    await Promise.all(Array.from({ length: STORM }, () => keys.rewrap()))
    expect(keys.ring().generation).toBe(generation + 2 * STORM)
    expect(failed).toEqual([])
  })

  it('let a revocation go first', async () => {
    const { keys } = await openManager()
    const {
      generation,
      keys: [first],
    } = keys.ring()
    const others = Array.from({ length: STORM }, () => keys.rewrap())
    await keys.revoke(first?.kid ?? '', { reason: 'leaked' })
    expect(keys.ring().generation).toBe(generation + 2)
    await Promise.all(others)
  })
})

describe('what an operator is said to have done (R6, R50)', () => {
  it('is told of every key that was made, also of one that replaces another in an emergency', async () => {
    const { keys, events } = await openManager()
    const [active] = keys.ring().keys.map(({ kid }) => kid)
    const { activeKid } = await keys.revoke(active ?? '', { reason: 'x', storeLeaked: true })
    expect(events).toContainEqual(expect.objectContaining({ kind: 'key-created', kid: activeKid }))
    await keys.importKey(await generateSigningPair(policy)).catch(() => undefined)
    const created = events.flatMap((event) => (event.kind === 'key-created' ? [event.kid] : []))
    expect(new Set(created).size).toBe(created.length)
  })

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
