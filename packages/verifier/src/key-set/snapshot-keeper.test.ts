import { fakeClock } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import type { VerifierEvent } from '../events.ts'
import { SnapshotKeeper } from './snapshot-keeper.ts'

describe('a snapshot on a disk that does not answer (R38)', () => {
  it('is done without after a second, and the event says so', async () => {
    const clock = fakeClock()
    const events: VerifierEvent[] = []
    const store = { read: () => new Promise<never>(() => {}), write: async () => {} }
    const onEvent = (event: VerifierEvent) => events.push(event)
    const keeper = new SnapshotKeeper({ store, pauseMs: 60_000, clock, onEvent })
    const recalled = keeper.recall()
    await clock.advance(999)
    expect(events).toEqual([])
    await clock.advance(1)
    expect(await Promise.race([recalled, Promise.resolve('waits')])).toBeUndefined()
    expect(events).toEqual([{ kind: 'snapshot-failed', operation: 'read', code: 'snapshot_failed' }])
  })
})
