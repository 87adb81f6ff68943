import { KeyturnError } from '@keyturn/core'
import { codeOf } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import { openManager, policy } from './open-manager.fixture.ts'
import { reportingStore } from './reporting-store.ts'
import { type KeyStore, StoreConflict, type StoreWatcher } from './stores/key-store.ts'
import { MemoryKeyStore } from './stores/memory-key-store.ts'

const { storePollMs } = policy.timing

describe('failures of a store (R18, R51)', () => {
  it('are told each time, with what was done; a conflict is none', async () => {
    const failing: KeyStore = {
      sharesClock: false,
      pollMs: 0,
      load: () => Promise.reject(new KeyturnError('store_unsafe', '')),
      save: (_, expected) =>
        Promise.reject(expected === 0 ? new StoreConflict() : new KeyturnError('store_failed', '')),
      watch: () => () => {},
    }
    const { keys } = await openManager()
    const told: string[] = []
    const store = reportingStore(failing, (operation, error) => {
      told.push(`${operation} ${(error as KeyturnError).code}`)
    })
    expect(store.sharesClock).toBe(false)
    expect([await codeOf(store.load()), await codeOf(store.load())]).toEqual(['store_unsafe', 'store_unsafe'])
    expect(await codeOf(store.save(keys.ring(), 0))).toBe('store_conflict')
    expect(await codeOf(store.save(keys.ring(), 1))).toBe('store_failed')
    expect(told).toEqual(['read store_unsafe', 'read store_unsafe', 'write store_failed'])
  })

  it('take nothing from a store that has all that one may have', async () => {
    const asked: string[] = []
    const does = (name: string) => async () => void asked.push(name)
    const store = Object.assign(new MemoryKeyStore(), {
      place: 'somewhere',
      setAside: does('setAside'),
      inTurn: does('inTurn'),
      close: does('close'),
    })
    const reporting = reportingStore(store, () => {})
    expect(reporting.place).toBe('somewhere')
    await reporting.setAside?.()
    await reporting.inTurn?.(async () => {})
    await reporting.close?.()
    expect(asked).toEqual(['setAside', 'inTurn', 'close'])
  })

  it('are told of every look, though the health says them once', async () => {
    let watcher: StoreWatcher | undefined
    const store = new MemoryKeyStore()
    store.watch = (given) => {
      watcher = given
      return () => {}
    }
    const { events } = await openManager({ store })
    for (let look = 0; look < 3; look++) watcher?.onError(new KeyturnError('store_failed', ''))
    const failed = events.filter(({ kind }) => kind === 'store-failed')
    expect(failed).toEqual(Array(3).fill({ kind: 'store-failed', operation: 'watch', code: 'store_failed' }))
    expect(events.filter(({ kind }) => kind === 'store-unreadable')).toHaveLength(1)
  })

  it('include silence', async () => {
    const { keys, store, clock, events } = await openManager()
    store.load = () => new Promise(() => {})
    await clock.advance(2 * storePollMs)
    const looking = keys.catchUp()
    await clock.advance(storePollMs)
    await looking
    expect(events.findLast(({ kind }) => kind === 'store-failed')).toMatchObject({ operation: 'read' })
  })

  it('do not include another ring, which reads well', async () => {
    const { keys, store, clock, events } = await openManager()
    await store.save({ ...keys.ring(), ringId: 'another', generation: 2 }, 1, { overAnyRing: true })
    await clock.advance(1)
    expect(keys.health().storeError).toBe('ring_replaced')
    expect(events.map(({ kind }) => kind)).not.toContain('store-failed')
  })
})

describe('a step that fails (R9, R51)', () => {
  it('says what it had to do: a rotation, or housekeeping only', async () => {
    const { store, clock, events } = await openManager()
    const failed = () => events.findLast((event) => event.kind === 'rotation-failed')
    const save = store.save.bind(store)
    const breakDisk = () => {
      store.save = () => Promise.reject(new KeyturnError('store_failed', ''))
    }
    breakDisk()
    await clock.advance(policy.timing.rotationIntervalMs)
    expect(failed()).toMatchObject({ due: ['add-next'], failures: 1 })
    store.save = save
    await clock.advance(1000)
    breakDisk()
    await clock.advance(storePollMs + 2 * policy.timing.clockSkewMs)
    expect(failed()).toMatchObject({ due: ['erase-private-halves'] })
  })
})
