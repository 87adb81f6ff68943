import { fakeClock } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import type { KeyManager } from './manager.ts'
import { openManager, policy } from './open-manager.fixture.ts'
import { leadOf } from './timing.ts'

// Clocks that are set, machines that sleep, processes that are stopped (docs/adr/0011).

const { timing } = policy
const { rotationIntervalMs: T, storePollMs: P } = timing
const claims = { iss: 'https://auth.example', sub: 'user-1', aud: 'orders', jti: 'j1', client_id: 'web' }
const expectations = { issuer: claims.iss, audience: claims.aud }
const kidsOf = (keys: KeyManager) => keys.publicJwks().keys.map(({ kid }) => kid)
const sign = (keys: KeyManager) => keys.sign(claims, { ttlSeconds: 3600, typ: 'at+jwt' })

describe('a clock that is set while a process runs (R7, R8)', () => {
  it('takes no key out of the set before the clocks have agreed for a lead', async () => {
    const { keys, clock } = await openManager()
    const [first] = kidsOf(keys)
    const token = await sign(keys)
    clock.jump(T + 24 * 3_600_000)
    expect(kidsOf(keys)).toContain(first)
    expect(() => keys.verify(token, expectations)).toThrow(expect.objectContaining({ code: 'token_expired' }))
    await clock.advance(60_000 + leadOf(timing))
    expect(kidsOf(keys)).not.toContain(first)
    expect(() => keys.verify(token, expectations)).toThrow(expect.objectContaining({ code: 'key_unknown' }))
  })

  it('publishes no revoked key in doubt either', async () => {
    const { keys, clock } = await openManager()
    const [first] = kidsOf(keys)
    await clock.advance(1000)
    await keys.revoke(first ?? '', { reason: 'leaked' })
    clock.jump(T)
    expect(kidsOf(keys)).not.toContain(first)
  })

  it('hands over on no order before the clocks have agreed for a lead; a revocation waits for nothing', async () => {
    const { keys, clock } = await openManager()
    await clock.advance(60_000)
    for (const step of [-20_000, 20_000, -40_000]) {
      clock.jump(step)
      for (const urgency of [{}, { queue: true }, { force: true }])
        await expect(keys.rotate(urgency)).rejects.toMatchObject({ code: 'clock_in_doubt' })
    }
    clock.jump(40_000)
    await keys.revoke(kidsOf(keys)[0] ?? '', { reason: 'leaked' })
    await clock.advance(60_000 + leadOf(timing))
    expect((await keys.rotate({ queue: true })).activateAt).toBeGreaterThan(clock.now())
  })
})

describe('a machine that sleeps (R5, R13)', () => {
  it('looks at the store before it goes by what it knew, though its monotonic clock stood still', async () => {
    const { keys: other, store, clock, reopen } = await openManager()
    store.watch = () => () => {}
    const keys = await reopen()
    const [first, second] = kidsOf(keys)
    await other.revoke(first ?? '', { reason: 'leaked' })
    expect(keys.mayHaveSlept).toBe(false)
    clock.jump(2 * P)
    expect(keys.mayHaveSlept).toBe(true)
    await keys.catchUp()
    expect(kidsOf(keys)).toContain(second)
    expect(kidsOf(keys)).not.toContain(first)
  })

  it('does so too when its clock is set back, which says nothing of how long it slept', async () => {
    const { reopen, store, clock } = await openManager()
    store.watch = () => () => {}
    const keys = await reopen()
    clock.jump(-2 * P)
    expect(keys.mayHaveSlept).toBe(true)
    await keys.catchUp()
    expect(keys.mayHaveSlept).toBe(false)
  })

  it('does so too when it slept while it started', async () => {
    const { store, clock, reopen } = await openManager()
    const load = store.load.bind(store)
    store.load = async () => {
      const ring = await load()
      clock.jump(2 * P)
      return ring
    }
    expect((await reopen()).mayHaveSlept).toBe(true)
  })
})

describe('a process that is stopped (R5)', () => {
  it('reckons from its return the successor of a key that took over meanwhile', async () => {
    const clock = fakeClock()
    let held: (() => void)[] | undefined
    const stoppable = {
      ...clock,
      setTimer: (callback: () => void, delayMs: number) =>
        clock.setTimer(() => (held === undefined ? callback() : held.push(callback)), delayMs),
    }
    const { keys } = await openManager({ clock: stoppable })
    const [, second] = kidsOf(keys)
    await clock.advance(T / 2)
    held = []
    await clock.advance(5 * T)
    const due = held
    held = undefined
    for (const callback of due) callback()
    await clock.advance(P)
    expect(kidsOf(keys)[0]).toBe(second)
    expect(keys.ring().keys.at(-1)?.activateAt).toBeGreaterThanOrEqual(clock.now() - P + T)
  })
})
