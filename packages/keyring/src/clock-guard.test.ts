import { fakeClock } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import { ClockGuard } from './clock-guard.ts'

const TOLERANCE = 2000
const HOLD = 60_000

function watch(toleranceMs = TOLERANCE) {
  const clock = fakeClock()
  const startedAt = clock.now()
  return { clock, startedAt, guard: new ClockGuard(clock, { toleranceMs, holdMs: HOLD }) }
}

describe('a clock that is watched (R5, R8)', () => {
  it('is trusted from the start, and the ring attended since then', () => {
    const { guard, startedAt } = watch()
    expect(guard.look()).toEqual({ now: startedAt, wokeAt: startedAt, trusted: true, jumpedByMs: 0 })
    expect([guard.wokeAt, guard.isInDoubt, guard.doubtMs]).toEqual([startedAt, false, 0])
  })

  it('may go on for as long as it likes, as long as both do', async () => {
    const { guard, clock, startedAt } = watch()
    await clock.advance(100 * HOLD)
    expect(guard.look()).toEqual({ now: clock.now(), wokeAt: startedAt, trusted: true, jumpedByMs: 0 })
    expect(guard.isInDoubt).toBe(false)
  })

  it.each([TOLERANCE, -TOLERANCE])('may be corrected by as much as is tolerated: %d ms', (ms) => {
    const { guard, clock, startedAt } = watch()
    clock.jump(ms)
    expect(guard.isInDoubt).toBe(false)
    expect(guard.look()).toEqual({ now: startedAt + ms, wokeAt: startedAt, trusted: true, jumpedByMs: 0 })
  })

  it.each([TOLERANCE + 1, -TOLERANCE - 1])('is in doubt once it jumped by more: %d ms', (ms) => {
    const { guard, clock, startedAt } = watch()
    clock.jump(ms)
    expect(guard.isInDoubt).toBe(true)
    const now = startedAt + ms
    expect(guard.look()).toEqual({ now, wokeAt: now, trusted: false, jumpedByMs: ms })
    expect([guard.wokeAt, guard.isInDoubt, guard.doubtMs]).toEqual([now, true, HOLD])
  })

  it('is corrected in small steps without end, each of which is looked at', () => {
    const { guard, clock } = watch()
    for (let step = 0; step < 5; step++) {
      clock.jump(TOLERANCE)
      expect(guard.look().trusted).toBe(true)
    }
  })

  it('is trusted again once both clocks have agreed for the hold time', async () => {
    const { guard, clock } = watch()
    clock.jump(HOLD)
    const { now: wokeAt } = guard.look()
    await clock.advance(HOLD - 1)
    expect([guard.isInDoubt, guard.doubtMs, guard.look().trusted]).toEqual([true, 1, false])
    await clock.advance(1)
    expect([guard.isInDoubt, guard.doubtMs]).toEqual([false, 0])
    expect(guard.look()).toEqual({ now: clock.now(), wokeAt, trusted: true, jumpedByMs: 0 })
    await clock.advance(1)
    expect(guard.doubtMs).toBe(0)
  })

  it('is in doubt for a whole hold time again after another jump', async () => {
    const { guard, clock } = watch()
    clock.jump(HOLD)
    guard.look()
    await clock.advance(HOLD - 1)
    clock.jump(-HOLD)
    expect(guard.look().jumpedByMs).toBe(-HOLD)
    expect(guard.doubtMs).toBe(HOLD)
  })

  it('is in doubt before anybody looks, of which no note is taken', () => {
    const { guard, clock, startedAt } = watch()
    clock.jump(HOLD)
    expect(guard.isInDoubt).toBe(true)
    expect(guard.doubtMs).toBe(0)
    expect(guard.wokeAt).toBe(startedAt)
    clock.jump(-HOLD)
    expect(guard.isInDoubt).toBe(false)
  })

  it('is never held to less than a second, which a busy process needs', () => {
    const { guard, clock } = watch(0)
    clock.jump(1000)
    expect(guard.look().trusted).toBe(true)
    clock.jump(1001)
    expect(guard.look().trusted).toBe(false)
  })

  it('counts from a wake that it is told of, and trusts no less for it', async () => {
    const { guard, clock } = watch()
    await clock.advance(HOLD)
    guard.noteWake()
    expect(guard.look()).toMatchObject({ wokeAt: clock.now(), trusted: true })
  })
})
