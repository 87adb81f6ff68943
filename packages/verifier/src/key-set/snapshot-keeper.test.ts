import { KeyturnError } from '@keyturn/core'
import { fakeClock } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import type { VerifierEvent } from '../events.ts'
import type { Snapshot } from './snapshot.ts'
import type { SnapshotStore } from './snapshot-file.ts'
import { SnapshotKeeper } from './snapshot-keeper.ts'

const PAUSE_MS = 60_000
const snapshotOf = (name: string, askedAt = 0): Snapshot => ({
  body: Buffer.from(name),
  etag: name,
  askedAt,
  freshMs: 900_000,
})

/** A keeper on a disk in memory, whose reads and writes end when a test says so. */
function open(store: Partial<SnapshotStore> = {}) {
  const clock = fakeClock()
  const events: VerifierEvent[] = []
  const onEvent = (event: VerifierEvent) => events.push(event)
  const written: (string | undefined)[] = []
  const disk: SnapshotStore = {
    read: async () => undefined,
    write: async ({ etag }) => void written.push(etag),
    ...store,
  }
  const keeper = new SnapshotKeeper({ store: disk, pauseMs: PAUSE_MS, clock, onEvent })
  return { clock, events, written, keeper }
}

/** Writes that wait; `end` lets the oldest of them through, or fails it. */
function slowDisk() {
  const begun: (string | undefined)[] = []
  const ends: ((error?: Error) => void)[] = []
  const write = ({ etag }: Snapshot) => {
    begun.push(etag)
    return new Promise<void>((resolve, reject) => ends.push((error) => (error ? reject(error) : resolve())))
  }
  const end = (error?: Error) => ends.shift()?.(error)
  return { begun, write, end }
}

describe('a snapshot that is read at a cold start (R38)', () => {
  it('is read once, whoever asks for it', async () => {
    let reads = 0
    const read = async () => {
      reads += 1
      return snapshotOf('a')
    }
    const { clock, keeper } = open({ read })
    expect(await Promise.all([keeper.recall(), keeper.recall()])).toEqual(Array(2).fill(snapshotOf('a')))
    expect(await keeper.recall()).toEqual(snapshotOf('a'))
    expect(reads).toBe(1)
    expect(clock.pendingTimers).toBe(0)
  })

  it('is done without where it cannot be read, and the event says why', async () => {
    const read = async () => {
      throw new KeyturnError('snapshot_refused', 'expected another')
    }
    const { events, keeper } = open({ read })
    expect(await keeper.recall()).toBeUndefined()
    expect(events).toEqual([{ kind: 'snapshot-failed', operation: 'read', code: 'snapshot_refused' }])
  })

  it('is done without after a second where the disk does not answer, and the event says so', async () => {
    const { clock, events, keeper } = open({ read: () => new Promise<never>(() => {}) })
    const recalled = keeper.recall()
    await clock.advance(999)
    expect(events).toEqual([])
    await clock.advance(1)
    expect(await Promise.race([recalled, Promise.resolve('waits')])).toBeUndefined()
    expect(events).toEqual([{ kind: 'snapshot-failed', operation: 'read', code: 'snapshot_failed' }])
  })
})

describe('a snapshot that is written beside the verifying (R38)', () => {
  it('is written for each new set, and for a confirmed one after a pause', async () => {
    const { clock, written, keeper } = open()
    for (const [name, passedMs, isConfirmation] of [
      ['new', 0, false],
      ['newer', 1, false],
      ['confirmed too soon', PAUSE_MS - 1, true],
      ['confirmed', 1, true],
      ['confirmed too soon again', PAUSE_MS - 1, true],
    ] as const) {
      await clock.advance(passedMs)
      keeper.keep(snapshotOf(name), isConfirmation)
      await clock.advance(0)
    }
    expect(written).toEqual(['new', 'newer', 'confirmed'])
  })

  it('is written as often where the clock was set back, since a cold start refuses what is dated into the future', async () => {
    const { clock, written, keeper } = open()
    keeper.keep(snapshotOf('new', clock.now()), false)
    clock.jump(-86_400_000)
    await clock.advance(PAUSE_MS)
    keeper.keep(snapshotOf('confirmed', clock.now()), true)
    await clock.advance(0)
    expect(written).toEqual(['new', 'confirmed'])
  })

  it('is written for a set that was confirmed before anything was written', async () => {
    const { clock, written, keeper } = open()
    keeper.keep(snapshotOf('confirmed'), true)
    await clock.advance(0)
    expect(written).toEqual(['confirmed'])
  })

  it('is written one at a time, and only the newest of those that came meanwhile', async () => {
    const { begun, write, end } = slowDisk()
    const { clock, keeper } = open({ write })
    for (const name of ['a', 'b', 'c']) keeper.keep(snapshotOf(name), false)
    await clock.advance(0)
    expect(begun).toEqual(['a'])
    end()
    await clock.advance(0)
    expect(begun).toEqual(['a', 'c'])
    end()
    await clock.advance(0)
    keeper.keep(snapshotOf('d'), false)
    expect(begun).toEqual(['a', 'c', 'd'])
  })

  it('is written the next time where it failed, and the event says why', async () => {
    const { begun, write, end } = slowDisk()
    const { clock, events, keeper } = open({ write })
    for (const name of ['a', 'b']) keeper.keep(snapshotOf(name), false)
    end(new KeyturnError('snapshot_failed', 'expected a disk'))
    await clock.advance(0)
    expect(events).toEqual([{ kind: 'snapshot-failed', operation: 'write', code: 'snapshot_failed' }])
    expect(begun).toEqual(['a', 'b'])
  })
})
