import { type Clock, KeyturnError } from '@keyturn/core'
import { codeOf } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import type { KeyManagerOptions } from './manager-options.ts'
import { openManager, policy } from './open-manager.fixture.ts'
import { activeKey, findKey, type KeyRing } from './ring.ts'
import type { KeyStore, StoreWatcher } from './stores/key-store.ts'
import { MemoryKeyStore } from './stores/memory-key-store.ts'
import { lookRegularly } from './stores/regular-looks.ts'

// A store on another machine: it can be out of reach, and has a clock of its own (R20).

const { rotationIntervalMs: T, storePollMs: P, clockSkewMs: e } = policy.timing
const SECOND = 1000
const HOUR = 3_600_000
const TERMS = { ttlSeconds: 60, typ: 'at+jwt' }

class FarStore implements KeyStore {
  readonly sharesClock = false
  readonly pollMs = P
  readonly #memory = new MemoryKeyStore()
  clock: Clock | undefined
  clockAheadMs = 0
  isDown = false

  async load() {
    this.#reach()
    return await this.#memory.load()
  }

  async save(ring: KeyRing, expectedGeneration: number) {
    this.#reach()
    await this.#memory.save(ring, expectedGeneration)
  }

  watch(watcher: StoreWatcher): () => void {
    if (this.clock === undefined) return () => {}
    return lookRegularly(watcher, { clock: this.clock, everyMs: P / 2 }, async (reporter) => {
      this.#reach()
      reporter.onHealthy?.()
    }).stop
  }

  #reach(): void {
    if (this.isDown) throw new KeyturnError('store_unreachable', 'the store does not answer')
  }
}

async function openFar(aheadMs: number, options: Partial<KeyManagerOptions> = {}) {
  const store = new FarStore()
  store.clockAheadMs = aheadMs
  const first = await openManager({ store, ...options })
  await first.keys.close()
  store.clock = first.clock
  return { ...first, store, keys: await first.reopen() }
}

describe('a store that is out of reach (R20)', () => {
  it('is signed without for as long as that may be, and published without for ever', async () => {
    const { keys, store, advance } = await openFar(0, { maxStalenessMs: HOUR })
    store.isDown = true
    await advance(HOUR - SECOND)
    await keys.sign({}, TERMS)
    await advance(2 * SECOND)
    expect(await codeOf(keys.sign({}, TERMS))).toBe('ring_stale')
    expect(keys.publicJwks().keys).toHaveLength(2)
    expect(keys.health()).toMatchObject({ status: 'degraded', storeError: 'store_unreachable' })
    store.isDown = false
    await advance(P)
    await keys.sign({}, TERMS)
  })

  it('is out of reach for the time too that the machine sleeps', async () => {
    const { keys, store, clock, advance } = await openFar(0, { maxStalenessMs: HOUR })
    store.isDown = true
    await advance(P)
    clock.jump(2 * HOUR)
    const outcome = codeOf(keys.sign({}, TERMS))
    await advance(P)
    expect(await outcome).toBe('ring_stale')
  })
})

describe('a store with a clock of its own (R20)', () => {
  it.each([-e, e])('dates what is written by it, with this clock %i ms from it', async (aheadMs) => {
    const { keys, clock } = await openFar(aheadMs)
    expect(keys.ring().writtenAt).toBe(clock.now() + aheadMs)
    expect(keys.health()).toMatchObject({ status: 'ok', clockOff: false })
  })

  it.each([-e, e])(
    'says when the next key is due, and this clock, %i ms from it, when it signs',
    async (aheadMs) => {
      const { keys, clock, advance } = await openFar(aheadMs)
      const next = findKey(keys.ring(), 'next', keys.now)
      const activateAt = next?.activateAt ?? 0
      await advance(activateAt - aheadMs - SECOND - clock.now())
      expect(keys.ring().generation).toBe(1)
      await advance(2 * SECOND)
      const { ring, isDue } = { ring: keys.ring(), isDue: clock.now() >= activateAt }
      expect(ring.generation).toBeGreaterThan(1)
      expect(ring.keys.at(-1)?.activateAt).toBe(activateAt + T)
      // once it is written, time is never earlier than that
      expect(activeKey(ring, isDue ? clock.now() : keys.now).kid).toBe(next?.kid)
    },
  )

  it('is believed, and a clock that is far from it is told of', async () => {
    const { keys, clock } = await openFar(HOUR)
    expect(keys.ring().writtenAt).toBe(clock.now() + HOUR)
    expect(keys.health()).toMatchObject({ status: 'degraded', clockOff: true, clockBehind: false })
  })
})
