import { KeyturnError } from '@keyturn/core'
import { fakeClock } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import { type DiskEvent, DiskWatch } from './disk-watch.ts'
import { isNearlyFull, type Room } from './volume.ts'

const GIB = 2 ** 30
const plenty: Room = { usedRatio: 0.5, freeBytes: 100 * GIB }
const little: Room = { usedRatio: 0.95, freeBytes: GIB / 2 }

async function watched({ backup = false } = {}) {
  const clock = fakeClock()
  const events: DiskEvent[] = []
  const disk = { room: plenty, backupRoom: plenty, stateError: undefined as string | undefined }
  const hang = { state: undefined as Promise<void> | undefined, checks: 0 }
  const watch = new DiskWatch({
    volumes: {
      data: { room: async () => disk.room },
      ...(backup && { backup: { room: async () => disk.backupRoom } }),
    },
    assertStateInPlace: async () => {
      hang.checks += 1
      await hang.state
      if (disk.stateError !== undefined) throw new KeyturnError(disk.stateError, '')
    },
    clock,
    onEvent: (event) => events.push(event),
  })
  await watch.start()
  const kinds = () => events.map(({ kind }) => kind)
  return { watch, clock, disk, hang, kinds }
}

describe('a volume that is nearly full (R18, R51, R52)', () => {
  it.each([
    ['a tenth of a large disk is left', { usedRatio: 0.95, freeBytes: 50 * GIB }, false],
    ['a small disk is half empty', { usedRatio: 0.5, freeBytes: GIB / 2 }, false],
    ['little is left', little, true],
    ['nothing can be told', { usedRatio: Number.NaN, freeBytes: Number.NaN }, false],
  ])('is one of which both is true: %s', (_, room, expected) => {
    expect(isNearlyFull(room)).toBe(expected)
  })

  it.each(['data', 'backup'] as const)('is seen, and said when it changes: %s', async (name) => {
    const { watch, clock, disk, kinds } = await watched({ backup: true })
    expect(watch.health()).toMatchObject({ status: 'ok', volumes: { [name]: { nearlyFull: false } } })
    Object.assign(disk, name === 'data' ? { room: little } : { backupRoom: little })
    await clock.advance(20_000)
    expect(watch.health()).toMatchObject({
      status: 'degraded',
      volumes: { [name]: { ...little, nearlyFull: true } },
    })
    Object.assign(disk, { room: plenty, backupRoom: plenty })
    await clock.advance(20_000)
    expect(watch.health().status).toBe('ok')
    expect(kinds()).toEqual(['volume-nearly-full', 'volume-has-room'])
    watch.close()
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('a state that is gone under a running authority (R16, R52)', () => {
  it('is seen and said once, until it is back', async () => {
    const { watch, clock, disk, kinds } = await watched()
    disk.stateError = 'state_missing'
    await clock.advance(20_000)
    expect(watch.health()).toMatchObject({ status: 'degraded', stateError: 'state_missing' })
    disk.stateError = 'state_replaced'
    await clock.advance(20_000)
    expect(watch.health().stateError).toBe('state_replaced')
    disk.stateError = undefined
    await clock.advance(20_000)
    expect(watch.health()).toMatchObject({ status: 'ok', stateError: undefined })
    expect(kinds()).toEqual(['state-lost', 'state-lost', 'state-back'])
  })

  it('is as good as gone on a disk that hangs, which is asked once until it answers', async () => {
    const { watch, clock, hang } = await watched()
    let answer = () => {}
    hang.state = new Promise((resolve) => (answer = resolve))
    hang.checks = 0
    await clock.advance(60_000)
    expect(watch.health()).toMatchObject({ status: 'degraded', stateError: 'state_failed' })
    expect(hang.checks).toBe(1)
    answer()
    await clock.advance(10_000)
    expect(watch.health().status).toBe('ok')
  })
})
