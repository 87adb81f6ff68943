import { KeyturnError } from '@keyturn/core'
import { describe, expect, it } from 'vitest'
import type { AuditEntry, AuditTrail } from './audit-trail.ts'
import { openManager, policy } from './open-manager.fixture.ts'
import { changesBetween } from './ring-changes.ts'
import { MemoryKeyStore } from './stores/memory-key-store.ts'
import { type KeyPolicy, propagationOf } from './timing.ts'

const T = policy.timing.rotationIntervalMs

/** A log, what the store had been asked to keep when each line came, and a way to fail. */
async function open() {
  const store = new MemoryKeyStore()
  const lines: (AuditEntry & { readonly inStore: number })[] = []
  const broken = { is: false }
  const audit: AuditTrail = {
    record: async (entry) => {
      if (broken.is) throw new KeyturnError('state_failed', 'the disk is full')
      lines.push({ ...entry, inStore: (await store.load())?.generation ?? 0 })
      return { log: 'l', seq: lines.length, hash: `h${lines.length}` }
    },
  }
  const kinds = () => lines.map(({ changes }) => changes.map(({ change }) => change))
  return { ...(await openManager({ store, audit })), store, lines, kinds, broken }
}

describe('the audit trail of a ring (R50)', () => {
  it('has every write before the store has it, and the ring remembers the last line', async () => {
    const { keys, lines, clock } = await open()
    await clock.advance(T + propagationOf(policy.timing) + 1000)
    await keys.revoke(keys.ring().keys.at(-1)?.kid ?? '', { reason: 'lost' })
    expect(lines.length).toBeGreaterThan(3)
    for (const { generation, inStore } of lines) expect(inStore).toBe(generation - 1)
    expect(lines.map(({ generation }) => generation)).toEqual(lines.map((_, i) => i + 1))
    expect(keys.ring().audit).toEqual({ log: 'l', seq: lines.length, hash: `h${lines.length}` })
  })

  it('says what each write does', async () => {
    const { keys, clock, kinds, lines } = await open()
    const [first, spare] = keys.ring().keys
    expect(kinds()).toEqual([['key-created', 'key-created']])
    expect(lines[0]?.changes[0]).toMatchObject({ kid: first?.kid, alg: 'EdDSA', publicJwk: { kty: 'OKP' } })
    expect(JSON.stringify(lines)).not.toContain('privateKey')
    await clock.advance(T)
    expect(kinds().at(-1)).toEqual(['key-ends', 'key-created'])
    await clock.advance(propagationOf(policy.timing) + 1)
    expect(kinds()[2]).toEqual(['key-erased'])
    await keys.rotate({ queue: true })
    expect(kinds().at(-1)).toEqual(['key-ends', 'key-rescheduled'])
    const active = keys.ring().keys.find(({ kid }) => kid === spare?.kid)
    await keys.revoke(active?.kid ?? '', { reason: 'leaked' })
    const last = lines.findLast(({ changes }) => changes.some(({ change }) => change === 'key-revoked'))
    expect(last?.changes).toContainEqual({ change: 'key-revoked', kid: spare?.kid, reason: 'leaked' })
  })

  it('has the reason for which a key was revoked that never signed, and of which the ring keeps none', async () => {
    const { keys, lines } = await open()
    const spare = keys.ring().keys.at(-1)?.kid
    await keys.revoke(spare ?? '', { reason: 'seen on a screen' })
    const last = lines.findLast(({ changes }) => changes.some(({ change }) => change === 'key-revoked'))
    expect(last?.changes).toContainEqual({ change: 'key-revoked', kid: spare, reason: 'seen on a screen' })
  })

  it('names who asked for a write, and nobody for what the schedule does after it', async () => {
    const { keys, lines, advance } = await open()
    await keys.rotate({ force: true, requestedBy: 'one' })
    await keys.revoke(keys.ring().keys[0]?.kid ?? '', { reason: 'x', requestedBy: 'other' })
    await advance(3 * T)
    expect(lines.length).toBeGreaterThan(5)
    const asked = lines.flatMap(({ generation, requestedBy }) =>
      requestedBy ? [[generation, requestedBy]] : [],
    )
    expect(asked).toEqual([
      [2, 'one'],
      [3, 'other'],
    ])
  })

  it('keeps a write from being made when it cannot be written down', async () => {
    const { keys, broken, lines, clock } = await open()
    broken.is = true
    const { generation } = keys.ring()
    await expect(keys.revoke(keys.ring().keys[0]?.kid ?? '', { reason: 'x' })).rejects.toThrow(
      'the disk is full',
    )
    await clock.advance(T + 1)
    expect(keys.ring().generation).toBe(generation)
    expect(keys.health().status).toBe('degraded')
    broken.is = false
    await clock.advance(10 * 60_000)
    expect(keys.ring().generation).toBeGreaterThan(generation)
    expect(lines.at(-1)?.generation).toBe(keys.ring().generation)
  })

  it('says of a write that failed that it did', async () => {
    const { keys, store, lines, reopen } = await open()
    const other = await reopen({ serving: false })
    await other.rotate({ force: true })
    const save = store.save.bind(store)
    store.save = async (ring, expected) => {
      store.save = save
      throw new KeyturnError('store_failed', `no ${ring.generation} after ${expected}`)
    }
    await expect(other.revoke(keys.ring().keys[0]?.kid ?? '', { reason: 'x' })).rejects.toThrow('no 3')
    const record = { log: 'l', seq: lines.length - 1, hash: `h${lines.length - 1}` }
    expect(lines.at(-1)).toMatchObject({
      generation: 3,
      failed: { code: 'store_failed', record },
      changes: [],
    })
  })

  it('tells longer lifetimes, other cache headers, and a ring that is held or confirmed', async () => {
    const { keys, store, reopen, kinds } = await open()
    await keys.close()
    const { timing } = policy
    const longer: KeyPolicy = {
      ...policy,
      timing: { ...timing, maxTtlMs: 2 * timing.maxTtlMs, jwksMaxAgeMs: 2 * timing.jwksMaxAgeMs },
    }
    await reopen({ policy: longer })
    expect(new Set(kinds().at(-1))).toEqual(new Set(['key-ends', 'max-ttl-raised', 'exposure-changed']))
    const ring = await store.load()
    if (ring === undefined) throw new Error('no ring')
    const held = { generation: 1, writtenAt: 1 }
    expect(changesBetween(ring, { ...ring, held })).toEqual([{ change: 'ring-held' }])
    expect(changesBetween({ ...ring, held }, ring)).toEqual([{ change: 'ring-confirmed' }])
    expect(changesBetween(ring, ring)).toEqual([])
  })

  it('tells keys that go: removed in time, or revoked before they signed', async () => {
    const { keys, clock, kinds, lines } = await open()
    const [, spare] = keys.ring().keys
    await keys.revoke(spare?.kid ?? '', { reason: 'x' })
    expect(lines.flatMap(({ changes }) => changes)).toContainEqual(
      expect.objectContaining({ change: 'key-revoked', kid: spare?.kid }),
    )
    await clock.advance(3 * T)
    expect(kinds().flat()).toContain('key-removed')
  })
})
