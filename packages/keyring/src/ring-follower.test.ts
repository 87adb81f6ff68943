import { cp, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KeyturnError } from '@keyturn/core'
import { fakeClock } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import { openManager, policy } from './open-manager.fixture.ts'
import type { KeyRing } from './ring.ts'
import { FileKeyStore } from './stores/file-key-store.ts'
import type { KeyStore, StoreWatcher } from './stores/key-store.ts'

/** Goes by generations, as files do, and looks when it is told to. */
class LookedAtStore implements KeyStore {
  readonly sharesClock = true
  readonly pollMs = policy.timing.storePollMs
  ring: KeyRing | undefined
  failure: string | undefined
  loads = 0
  #lastSeen = 0
  #watcher: StoreWatcher | undefined

  async load() {
    this.loads += 1
    this.#failIfItShould()
    this.#lastSeen = Math.max(this.#lastSeen, this.ring?.generation ?? 0)
    return this.ring
  }
  async save(ring: KeyRing) {
    this.ring = ring
    this.#lastSeen = Math.max(this.#lastSeen, ring.generation)
  }
  watch(watcher: StoreWatcher) {
    this.#watcher = watcher
    return () => {}
  }
  begin() {
    this.#watcher?.onLook?.()
  }
  async end() {
    const known = this.#lastSeen
    try {
      this.#failIfItShould()
      const { ring } = this
      if (ring === undefined || ring.generation < known) throw new KeyturnError('ring_missing', '')
      this.#lastSeen = ring.generation
      if (ring.generation > known) this.#watcher?.onChange(ring)
      else this.#watcher?.onHealthy?.()
    } catch (error) {
      this.#watcher?.onError(error)
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  async look() {
    this.begin()
    await this.end()
  }
  async tell(ring: KeyRing) {
    this.#watcher?.onChange(ring)
    await new Promise((resolve) => setImmediate(resolve))
  }
  #failIfItShould() {
    if (this.failure !== undefined) throw new KeyturnError(this.failure, '')
  }
}

async function open() {
  const store = new LookedAtStore()
  const opened = await openManager({ store })
  const mine = opened.keys.ring()
  return { ...opened, store, mine, wrong: { ...mine, ringId: 'another', generation: 9 } }
}

describe('a process that slept with a question under way (R8, R20)', () => {
  /** A store that answers when it is told to; the sleep before the first question is over. */
  async function openHanging(answer: (store: LookedAtStore) => Promise<KeyRing | undefined>) {
    const opened = await open()
    const { keys, clock, store } = opened
    const answers: (() => void)[] = []
    await store.look()
    store.load = async () => {
      await new Promise<void>((resolve) => answers.push(resolve))
      return await answer(store)
    }
    clock.jump(60_000)
    /** The first question is answered after the sleep, and the process comes to rest with the second one. */
    const answerTwice = async (caughtUp: Promise<void>) => {
      answers.shift()?.()
      await clock.advance(0)
      expect(answers).toHaveLength(1)
      expect(keys.mayHaveSlept).toBe(true)
      answers.shift()?.()
      await caughtUp
      expect(keys.mayHaveSlept).toBe(false)
    }
    return { ...opened, answers, answerTwice }
  }
  const failing = async () => {
    throw new KeyturnError('store_failed', '')
  }
  const working = async ({ ring }: LookedAtStore) => ring

  it('asks once more when that fails, and then goes by what it knows', async () => {
    const { keys, clock, mine, answerTwice } = await openHanging(failing)
    const caughtUp = keys.catchUp()
    clock.jump(60_000)
    await answerTwice(caughtUp)
    expect(keys.ring()).toBe(mine)
  })

  it('waits for one that hung, and asks again', async () => {
    const { keys, clock, answerTwice } = await openHanging(working)
    const first = keys.catchUp()
    await clock.advance(policy.timing.storePollMs)
    await first
    clock.jump(60_000)
    await answerTwice(keys.catchUp())
  })

  it('holds nobody up for longer than P where one hangs on', async () => {
    const { keys, clock, answers } = await openHanging(working)
    for (let sleep = 0; sleep < 2; sleep++) {
      const caughtUp = keys.catchUp()
      await clock.advance(policy.timing.storePollMs)
      await caughtUp
      clock.jump(sleep === 0 ? 60_000 : 0)
    }
    expect(answers).toHaveLength(1)
    expect(keys.mayHaveSlept).toBe(false)
  })
})

describe('a wrong ring in the store (R16, R18)', () => {
  it('is said until the right one is back, which need not have changed since', async () => {
    const { keys, store, mine, wrong } = await open()
    store.ring = wrong
    await store.look()
    await store.look()
    expect(keys.health()).toMatchObject({ status: 'degraded', storeError: 'ring_replaced' })
    store.ring = mine
    await store.look()
    expect(keys.health()).toMatchObject({ status: 'ok', storeError: undefined })
    expect(keys.ring()).toBe(mine)
  })

  it('is not forgotten over a store that could not be read in between', async () => {
    const { keys, store, wrong } = await open()
    store.ring = wrong
    await store.look()
    store.failure = 'store_failed'
    await store.look()
    expect(keys.health().storeError).toBe('store_failed')
    await store.tell({ ...keys.ring(), generation: 0 })
    expect(keys.health().storeError).toBe('store_failed')
    store.failure = undefined
    await store.look()
    expect(keys.health().storeError).toBe('ring_replaced')
  })

  it('may be an older state of the right one', async () => {
    const { keys, store, mine } = await open()
    await keys.rotate()
    store.ring = mine
    await store.look()
    expect(keys.health().storeError).toBe('ring_replaced')
    store.ring = keys.ring()
    await store.look()
    expect(keys.health().storeError).toBeUndefined()
  })

  it('goes with the folder in which it was (on files)', async () => {
    const place = await mkdtemp(join(tmpdir(), 'keyturn-follower-'))
    const path = (name: string) => join(place, name)
    try {
      const clock = fakeClock()
      const store = new FileKeyStore({ directory: path('keys'), clock })
      const { keys, reopen } = await openManager({ store, clock })
      const other = await reopen({ store: new FileKeyStore({ directory: path('other'), clock }) })
      await other.rotate()
      const settle = async (error: string | undefined) => {
        for (let turn = 0; turn < 10_000 && keys.health().storeError !== error; turn++)
          await clock.advance(500)
        expect(keys.health().storeError).toBe(error)
      }
      await rename(path('keys'), path('mine'))
      await cp(path('other'), path('keys'), { recursive: true })
      await settle('ring_replaced')
      await rm(path('keys'), { recursive: true })
      await rename(path('mine'), path('keys'))
      await settle(undefined)
    } finally {
      // one of the managers may be writing yet
      await rm(place, { recursive: true, maxRetries: 10 })
    }
  })
})

describe('following the store (R20, R52)', () => {
  it('wakes the schedule for a ring that was taken over, and for nothing else', async () => {
    const { keys, store, clock, mine } = await open()
    let plans = 0
    const { setTimer } = clock
    clock.setTimer = (callback, delayMs) => {
      // a look and a step have deadlines, which are shorter
      if (delayMs > 30_000) plans += 1
      return setTimer(callback, delayMs)
    }
    store.ring = { ...mine, generation: 2 }
    await store.look()
    expect([plans, keys.ring().generation]).toEqual([1, 2])
    await store.look()
    await store.tell(store.ring)
    await store.tell(mine)
    await store.tell({ ...mine, ringId: 'another', generation: 3 })
    expect(plans).toBe(1)
    await clock.advance(2000)
    await keys.catchUp()
    expect(plans).toBe(1)
    await clock.advance(2000)
    store.ring = { ...mine, generation: 3 }
    await keys.catchUp()
    await clock.advance(0)
    expect([plans, keys.ring().generation]).toEqual([2, 3])
  })
})

describe('the age of what is in memory (R51, R52)', () => {
  it('counts from the question that was answered last', async () => {
    const { keys, store, clock } = await open()
    await clock.advance(500)
    store.begin()
    await clock.advance(300)
    expect(keys.health().snapshotAgeMs).toBe(800)
    await store.end()
    expect(keys.health().snapshotAgeMs).toBe(300)
  })

  it('grows while the store fails or holds another ring, and is small again when that is over', async () => {
    const { keys, store, clock, mine, wrong } = await open()
    for (const change of [{ failure: 'store_failed' }, { ring: wrong }, { ring: undefined }]) {
      Object.assign(store, change)
      await store.look()
      await clock.advance(60_000)
      await store.look()
      expect(keys.health().snapshotAgeMs).toBeGreaterThanOrEqual(60_000)
      Object.assign(store, { failure: undefined, ring: mine })
      await store.look()
      expect(keys.health().snapshotAgeMs).toBe(0)
    }
  })

  it('is stale when the looks at a store that hangs come to nothing, not even to a failure', async () => {
    const { keys, store, clock } = await open()
    await store.look()
    store.begin()
    await clock.advance(30_000)
    expect(keys.health()).toMatchObject({ status: 'ok', snapshotStale: false })
    await clock.advance(1)
    expect(keys.health()).toMatchObject({ status: 'degraded', storeError: undefined, snapshotStale: true })
    await store.end()
    await store.look()
    expect(keys.health()).toMatchObject({ status: 'ok', snapshotStale: false })
  })

  it('is nothing where the store tells of changes by itself, until it tells of trouble', async () => {
    const { keys, store, clock } = await openManager()
    await clock.advance(3_600_000)
    expect(keys.health().snapshotAgeMs).toBe(0)
    const ring = keys.ring()
    await store.save({ ...ring, ringId: 'another', generation: 2 }, 1, { overAnyRing: true })
    await clock.advance(60_000)
    expect(keys.health()).toMatchObject({ storeError: 'ring_replaced', snapshotAgeMs: 60_000 })
  })
})

describe('a store that answers again (R9, R18)', () => {
  const { rotationIntervalMs } = policy.timing

  it('has what failed tried at once, however long the schedule was going to wait', async () => {
    const { keys, store, clock } = await open()
    const save = store.save.bind(store)
    store.save = () => Promise.reject(new KeyturnError('store_failed', ''))
    store.failure = 'store_failed'
    await clock.advance(rotationIntervalMs)
    await store.look()
    await clock.advance(60_000)
    const { consecutiveFailures } = keys.health()
    expect(consecutiveFailures).toBeGreaterThan(4)
    Object.assign(store, { save, failure: undefined })
    await clock.advance(0)
    expect(keys.health()).toMatchObject({ consecutiveFailures, nextKeyReady: false })
    await store.look()
    await clock.advance(0)
    expect(keys.health()).toMatchObject({ status: 'ok', consecutiveFailures: 0, nextKeyReady: true })
  })

  it('wakes no schedule that had no trouble', async () => {
    let plans = 0
    const { store, clock } = await open()
    const save = store.save.bind(store)
    store.save = async (ring: KeyRing) => {
      plans += 1
      await save(ring)
    }
    store.failure = 'store_failed'
    await store.look()
    store.failure = undefined
    await store.look()
    await clock.advance(0)
    expect(plans).toBe(0)
  })
})
