import { describe, expect, it } from 'vitest'
import type { KeyManager } from './manager.ts'
import { openManager, policy } from './open-manager.fixture.ts'

// Clocks that are set, machines that sleep, processes that are stopped (docs/adr/0011).

const { timing } = policy
const { storePollMs: P } = timing
const kidsOf = (keys: KeyManager) => keys.publicJwks().keys.map(({ kid }) => kid)

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
