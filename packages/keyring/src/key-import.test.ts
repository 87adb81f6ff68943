import { createPublicKey, createSecretKey } from 'node:crypto'
import { JWK_SET_LIMITS } from '@keyturn/core'
import { codeOf } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import { importKey } from './key-import.ts'
import { generateSigningPair, type KeyPair, publishedJwk } from './key-pair.ts'
import { openManager, policy } from './open-manager.fixture.ts'
import { publishedSet } from './published-set.ts'
import { MADE_AT, newRing, withKey } from './ring.fixture.ts'
import { findKey, type KeyRing } from './ring.ts'
import { leadOf, propagationOf } from './timing.ts'

const { timing } = policy
const T = timing.rotationIntervalMs
const LEAD = leadOf(timing)
const [ours, another] = (await Promise.all([generateSigningPair(policy), generateSigningPair(policy)])) as [
  KeyPair,
  KeyPair,
]
const claims = { iss: 'https://auth.test', aud: 'orders', sub: 'u1', jti: 'j1', client_id: 'c1' }
const kidOf = (jwt: string) => JSON.parse(Buffer.from(jwt.split('.')[0] ?? '', 'base64url').toString()).kid
const refusal = (action: () => unknown) => {
  try {
    action()
    return 'none'
  } catch (error) {
    return (error as { code: string }).code
  }
}
const momentAt = (now: number) => ({ now, wokeAt: now, clockTrusted: true })

describe('a key that is imported (R3, R6, R13)', () => {
  it('takes the place of the next one, and no other time moves', async () => {
    const { keys, clock, events } = await openManager()
    const { keys: before } = keys.ring()
    const outcome = await keys.importKey(ours)
    const [active, spare] = before
    expect(outcome).toEqual({
      kid: ours.kid,
      alg: 'EdDSA',
      activateAt: spare?.activateAt,
      replacedKid: spare?.kid,
    })
    expect(keys.ring().keys[0]).toEqual(active)
    expect(keys.ring().keys[1]).toMatchObject({
      origin: 'imported',
      publishedAt: clock.now(),
      signableAt: clock.now() + LEAD,
      activateAt: spare?.activateAt,
      signUntil: null,
    })
    expect(keys.ring().tombstones).toMatchObject([{ kid: spare?.kid, fate: 'removed' }])
    expect(keys.publicJwks().keys.map(({ kid }) => kid)).toEqual([active?.kid, ours.kid])
    expect(events.at(-1)).toMatchObject({ kind: 'key-imported', kid: ours.kid, replacedKid: spare?.kid })
  })

  it('signs when the one that it replaces would have, and ends as any other', async () => {
    const { keys, advance } = await openManager()
    await keys.importKey(ours)
    await advance(T)
    const token = await keys.sign(claims, { ttlSeconds: 60, typ: 'at+jwt' })
    expect(kidOf(token)).toBe(ours.kid)
    keys.verify(token, { issuer: claims.iss, audience: claims.aud })
    await advance(T + propagationOf(timing))
    expect(keys.ring().keys.find(({ kid }) => kid === ours.kid)).toMatchObject({ privateKey: null })
  })

  it('signs after its lead where an operator says so, and at once where verifiers know it already', async () => {
    const { keys, clock } = await openManager()
    await keys.importKey(ours)
    expect(await codeOf(keys.rotate())).toBe('rotation_too_early')
    expect(await keys.rotate({ queue: true })).toMatchObject({
      activeKid: ours.kid,
      activateAt: clock.now() + LEAD,
    })
    const { activateAt } = await keys.rotate({ force: true })
    expect(activateAt).toBe(clock.now() + timing.storePollMs)
  })

  it('may itself be replaced, and is then gone for ever', async () => {
    const { keys } = await openManager()
    await keys.importKey(ours)
    expect(await keys.importKey(another)).toMatchObject({ replacedKid: ours.kid })
    expect(await codeOf(keys.importKey(ours))).toBe('key_known')
  })

  it('is the next one where there was none', async () => {
    const { keys, clock } = await openManager()
    const [active] = keys.ring().keys as [KeyRing['keys'][0]]
    const ring = { ...keys.ring(), keys: [{ ...active, signUntil: null, publishUntil: null }] }
    const { ring: after, replacedKid } = importKey(ring, ours, policy, momentAt(clock.now()))
    expect(findKey(after, 'next', clock.now())).toMatchObject({
      kid: ours.kid,
      origin: 'imported',
      activateAt: clock.now() + T,
    })
    expect(after.keys[0]?.signUntil).toBe(clock.now() + T)
    expect(after.tombstones).toEqual(ring.tombstones)
    expect(replacedKid).toBeNull()
  })
})

describe('an import that is refused (R6, R12, R13)', () => {
  it('is of a key that the ring has, or had', async () => {
    const { keys, advance } = await openManager()
    const [first, spare] = keys.ring().keys as unknown as [KeyPair, KeyPair]
    const copies = [{ ...first }, { ...spare }]
    for (const copy of copies) {
      await expect(keys.importKey(copy)).rejects.toMatchObject({
        code: 'key_known',
        message: expect.stringContaining('takes no key twice'),
        remedy: 'see: keyturn keys list',
      })
    }
    await keys.revoke(spare.kid, { reason: 'never signed' })
    await advance(1000)
    await keys.revoke(first.kid, { reason: 'signed' })
    for (const copy of copies) expect(await codeOf(keys.importKey(copy))).toBe('key_known')
    expect(keys.ring().keys.map(({ kid }) => kid)).not.toContain(ours.kid)
  })

  it('is under another name of its algorithm', async () => {
    const { keys } = await openManager()
    const first = keys.ring().keys[0] as KeyPair
    expect(await codeOf(keys.importKey({ ...first, alg: 'Ed25519' }))).toBe('key_known')
  })

  it('comes within a lead of the handover', async () => {
    const { keys, advance } = await openManager()
    await advance(T - LEAD)
    const ring = keys.ring()
    const at = (now: number) => refusal(() => importKey(ring, ours, policy, momentAt(now)))
    const { activateAt } = ring.keys[1] ?? { activateAt: 0 }
    expect([at(activateAt - LEAD), at(activateAt - LEAD + 1)]).toEqual(['none', 'import_too_late'])
    await advance(1)
    await expect(keys.importKey(ours)).rejects.toMatchObject({
      code: 'import_too_late',
      message: expect.stringContaining('would be published for its lead'),
      remedy: expect.stringContaining(new Date(activateAt).toISOString()),
    })
    await advance(LEAD)
    expect(await codeOf(keys.importKey(ours))).toBe('none')
  })

  it('comes while the clock is in doubt', async () => {
    const { keys, clock } = await openManager()
    const moment = { ...momentAt(clock.now()), clockTrusted: false }
    expect(refusal(() => importKey(keys.ring(), ours, policy, moment))).toBe('clock_in_doubt')
  })

  it('would make the set larger than verifiers take', async () => {
    const { keys, clock } = await openManager()
    const ring = keys.ring()
    const [active, next] = ring.keys as unknown as [KeyRing['keys'][0], KeyRing['keys'][0]]
    const retired = (index: number) => ({
      ...active,
      kid: `retired-${index}`,
      activateAt: index,
      signUntil: index + 1,
      publishUntil: clock.now() + T,
    })
    const full = (count: number): KeyRing => ({
      ...ring,
      keys: [...Array.from({ length: count }, (_, index) => retired(index)), active, next],
    })
    const { keys: most } = JWK_SET_LIMITS
    const attempt = (it: KeyRing) => refusal(() => importKey(it, ours, policy, momentAt(clock.now())))
    // one goes and one comes
    expect(attempt(full(most - 2))).toBe('none')
    expect(attempt(full(most - 1))).toBe('set_full')
  })

  it('would make the set longer than verifiers take, be it by one byte', () => {
    const ringWith = (n: string) => withKey(newRing(), 0, { publicJwk: { kty: 'RSA', n, e: 'AQAB' } })
    const bytesOf = (value: object) => JSON.stringify(value).length
    const staying = (ring: KeyRing): KeyRing => ({ ...ring, keys: ring.keys.slice(0, 1) })
    const taken = bytesOf(publishedSet(staying(ringWith('')), MADE_AT).document)
    const comes = bytesOf([publishedJwk(ours, Number.MAX_SAFE_INTEGER)]) - '[]'.length + ','.length
    const left = JWK_SET_LIMITS.signableBytes - taken - comes
    const attempt = (length: number) =>
      refusal(() => importKey(ringWith('x'.repeat(length)), ours, policy, momentAt(MADE_AT)))
    expect([attempt(left), attempt(left + 1)]).toEqual(['none', 'set_full'])
  })

  it('is of a key that verifiers would skip', async () => {
    const { keys } = await openManager()
    const before = keys.ring()
    expect(await codeOf(keys.importKey({ ...ours, kid: another.kid }))).toBe('key_kid_mismatch')
    const small = { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) } as const
    expect(await codeOf(keys.importKey({ ...ours, publicJwk: small }))).toBe('key_weak')
    expect(keys.ring()).toBe(before)
  })

  it('is of a pair whose private half is another one, or none of its kind, and nothing is written', async () => {
    const { keys } = await openManager()
    const before = keys.ring()
    const { privateKey } = another
    expect(await codeOf(keys.importKey({ ...ours, privateKey }))).toBe('key_self_test_failed')
    const ofAnotherKind = createSecretKey(Buffer.alloc(32))
    expect(await codeOf(keys.importKey({ ...ours, privateKey: ofAnotherKind }))).toBe('key_self_test_failed')
    const ownPublicHalf = createPublicKey(ours.privateKey)
    expect(await codeOf(keys.importKey({ ...ours, privateKey: ownPublicHalf }))).toBe('key_self_test_failed')
    expect(keys.ring()).toBe(before)
  })

  it('leaves everything as it is when it cannot be written', async () => {
    const { keys, store } = await openManager()
    const before = keys.ring()
    const save = store.save.bind(store)
    store.save = async () => {
      throw Object.assign(new Error('disk'), { code: 'store_failed' })
    }
    expect(await codeOf(keys.importKey(ours))).toBe('store_failed')
    store.save = save
    expect(keys.ring()).toBe(before)
    expect(await codeOf(keys.importKey(ours))).toBe('none')
  })
})

describe('an imported key beside other writers (R5, R13)', () => {
  it('is seen by a process that runs, and survives a restart', async () => {
    const { keys, reopen, advance } = await openManager()
    const visitor = await reopen({ serving: false })
    const { activateAt } = await visitor.importKey(ours)
    await advance(timing.storePollMs)
    expect(keys.publicJwks().keys.map(({ kid }) => kid)).toContain(ours.kid)
    await keys.close()
    const again = await reopen()
    expect(again.ring().keys.at(-1)).toMatchObject({ kid: ours.kid, activateAt, origin: 'imported' })
  })

  it('is made once, whoever else writes at the same time', async () => {
    const { reopen } = await openManager()
    const visitors = await Promise.all([reopen({ serving: false }), reopen({ serving: false })])
    const outcomes = await Promise.all(visitors.map((visitor) => codeOf(visitor.importKey(ours))))
    expect(outcomes.sort()).toEqual(['key_known', 'none'])
  })
})
