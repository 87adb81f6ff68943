import { describe, expect, it } from 'vitest'
import type { AuditEntry, AuditTrail } from './audit-trail.ts'
import type { KeyringEvent } from './events.ts'
import { openManager, policy } from './open-manager.fixture.ts'
import type { KeyStore } from './stores/key-store.ts'

// A store or a log that neither answers nor fails (R9, R18, R50).

const { rotationIntervalMs: T } = policy.timing
const MINUTE = 60_000

/** Holds every call from now on until it is let go. */
function gate() {
  let letGo = () => {}
  const opened = new Promise<void>((resolve) => {
    letGo = resolve
  })
  return { opened, letGo }
}

const failuresOf = (events: readonly KeyringEvent[]) =>
  events.filter(({ kind }) => kind === 'rotation-failed')

async function openWithHangingStore() {
  const given = await openManager()
  const { store } = given
  const save = store.save.bind(store)
  const { opened, letGo } = gate()
  let saves = 0
  store.save = async (ring, expected) => {
    saves += 1
    await opened
    await save(ring, expected)
  }
  /** The same, as another process reaches it. */
  const prompt: KeyStore = {
    sharesClock: true,
    pollMs: 0,
    load: () => store.load(),
    save,
    watch: (watcher) => store.watch(watcher),
  }
  return { ...given, prompt, letGo, savesBegun: () => saves }
}

describe('a step that hangs (R9, R18)', () => {
  it('is a failure, told again at each retry, and no second one is begun beside it', async () => {
    const { keys, advance, events, savesBegun, letGo } = await openWithHangingStore()
    await advance(T + MINUTE)
    expect(keys.health()).toMatchObject({
      status: 'degraded',
      nextKeyReady: false,
      lastFailure: { code: 'rotation_stalled' },
    })
    expect(failuresOf(events)[0]).toMatchObject({ code: 'rotation_stalled', due: ['add-next'], failures: 1 })
    await advance(20 * MINUTE)
    expect(failuresOf(events).length).toBeGreaterThan(2)
    expect(savesBegun()).toBe(1)
    letGo()
  })

  it('is taken note of when it succeeds after all, at once', async () => {
    const { keys, advance, events, letGo } = await openWithHangingStore()
    await advance(T + MINUTE)
    letGo()
    await advance(1)
    expect(keys.health()).toMatchObject({ status: 'ok', nextKeyReady: true, consecutiveFailures: 0 })
    expect(events.map(({ kind }) => kind)).toContain('rotation-recovered')
  })

  it('overwrites nothing when it writes late: what others wrote since stays', async () => {
    const { keys, prompt, advance, letGo, reopen } = await openWithHangingStore()
    await advance(T + MINUTE)
    const [first] = keys.ring().keys
    const other = await reopen({ store: prompt, serving: false })
    await other.revoke(first?.kid ?? '', { reason: 'leaked' })
    letGo()
    await advance(MINUTE)
    expect(keys.ring().keys[0]).toMatchObject({ kid: first?.kid, revokedReason: 'leaked' })
    expect(keys.health()).toMatchObject({ status: 'ok', nextKeyReady: true })
  })

  it('does not keep the manager from closing', async () => {
    const { keys, advance, letGo } = await openWithHangingStore()
    await advance(T + 1)
    let isClosed = false
    const closing = keys.close().then(() => {
      isClosed = true
    })
    await advance(10_000)
    expect(isClosed).toBe(true)
    await closing
    letGo()
  })
})

describe('a revocation while a write hangs (R13, R18)', () => {
  it('waits five seconds for it, and then goes on beside it', async () => {
    const { keys, store, advance } = await openManager()
    const save = store.save.bind(store)
    let isHung = false
    store.save = async (ring, expected) => {
      if (isHung) return await save(ring, expected)
      isHung = true
      await new Promise(() => {})
    }
    void keys.rotate({ force: true })
    await advance(1)
    const kid = keys.ring().keys[0]?.kid ?? ''
    const revoked = keys.revoke(kid, { reason: 'leaked' })
    await advance(4990)
    expect(keys.ring().generation).toBe(1)
    await advance(10)
    expect((await revoked).revokedKids).toEqual([kid])
    // and nobody waits for the hung one again
    await keys.confirm()
  })
})

describe('a log that hangs (R50)', () => {
  it('is a failure; what was decided before is thought over, and the log says that it came to nothing', async () => {
    const lines: AuditEntry[] = []
    const { opened, letGo } = gate()
    let hangs = false
    const audit: AuditTrail = {
      record: async (entry) => {
        lines.push(entry)
        if (hangs) await opened
        return null
      },
    }
    const { keys, clock, advance } = await openManager({ audit })
    hangs = true
    await advance(T + 20 * 60 * MINUTE)
    expect(keys.health()).toMatchObject({ status: 'degraded', lastFailure: { code: 'rotation_stalled' } })
    letGo()
    await advance(1)
    expect(lines.map(({ failed }) => failed?.code)).toContain('store_conflict')
    const next = keys.ring().keys.at(-1)
    expect(next?.publishedAt).toBeGreaterThanOrEqual(clock.now() - 1)
    expect(keys.health().status).toBe('ok')
  })
})
