import type { BackupMark } from '@keyturn/keyring'
import { describe, expect, it } from 'vitest'
import { type Backup, backupOf, byGeneration, parseBackupName } from './backup-name.ts'
import { backupsToDelete, isOverdue, untilBackupMs } from './backup-schedule.ts'

const ringId = '0b5c1f3e-8a0e-4c1d-9a57-3f2f3a9d8c11'
const NOW = Date.parse('2026-11-25T14:00:00Z')
const MINUTE = 60_000
const HOUR = 3_600_000
const policy = { intervalMs: 24 * HOUR, keep: 3 }
const backup = (generation: number, ageMs = 0): Backup => backupOf({ ringId, generation }, NOW - ageMs)

describe('the name of a backup (R21)', () => {
  it('says when it was made, of which generation, and of which ring', () => {
    const made = backupOf({ ringId, generation: 12 }, NOW + 999)
    expect(made.name).toBe(`keyturn-20261125T140000Z-000000000012-${ringId}.ring`)
    expect(parseBackupName(made.name)).toEqual(made)
    expect(made.madeAt).toBe(NOW)
  })

  it('sorts by time', () => {
    const times = [0, 1000, 59_000, 3_600_000, 86_400_000 * 40, 86_400_000 * 400]
    const names = times.map((later, i) => backupOf({ ringId, generation: 99 - i }, NOW + later).name)
    expect([...names].sort()).toEqual(names)
  })

  it.each([
    'state.db',
    'ring.000000000001.json',
    `keyturn-20261125T140000Z-000000000012-${ringId}.ring.old`,
    `keyturn-20261125T140000Z-12-${ringId}.ring`,
    `keyturn-20261325T140000Z-000000000012-${ringId}.ring`,
    `x-keyturn-20261125T140000Z-000000000012-${ringId}.ring`,
    `keyturn-20261125T140000Z-000000000012-../../../../../../../../../state.db.ring`,
  ])('is no other: %s', (name) => {
    expect(parseBackupName(name)).toBeUndefined()
  })
})

describe('when a backup is due (R21)', () => {
  const known = {
    now: NOW,
    ring: { generation: 5, held: null as BackupMark | null },
    neededGeneration: 5,
    backups: [] as Backup[],
    spreadMs: 0,
  }
  const until = (change: Partial<typeof known>) => untilBackupMs({ ...known, ...change }, policy)

  it('is at once where there is none', () => {
    expect(until({ spreadMs: 5000 })).toBe(0)
  })

  it('is an interval after the last, whoever made it and however often processes start', () => {
    expect(until({ backups: [backup(5, HOUR)] })).toBe(23 * HOUR)
    expect(until({ backups: [backup(5, HOUR)], spreadMs: 1000 })).toBe(23 * HOUR + 1000)
    expect(until({ backups: [backup(5, 30 * HOUR), backup(5, 25 * HOUR)] })).toBe(0)
  })

  it('is soon where the last lacks what matters, but not more often than each minute', () => {
    expect(until({ backups: [backup(4, HOUR)] })).toBe(0)
    expect(until({ backups: [backup(4, 20_000)] })).toBe(40_000)
    const often = { intervalMs: 5000, keep: 3 }
    expect(untilBackupMs({ ...known, backups: [backup(4, 1000)] }, often)).toBe(4000)
  })

  it('is not soon where what changed does not matter', () => {
    expect(until({ ring: { generation: 9, held: null }, backups: [backup(5, HOUR)] })).toBe(23 * HOUR)
  })

  it('does not wait for what the ring may not have become: backups of a later generation count for nothing', () => {
    expect(until({ backups: [backup(6, HOUR)] })).toBe(0)
    expect(until({ backups: [backup(5, 3 * HOUR), backup(6, HOUR)] })).toBe(21 * HOUR)
    expect(until({ backups: [backup(4, 20_000), backup(6)] })).toBe(40_000)
  })

  it('is never while the ring is held, which may be the wrong one', () => {
    const held = { generation: 5, held: { generation: 3, writtenAt: NOW } }
    expect(until({ ring: held })).toBe(Number.POSITIVE_INFINITY)
  })

  it('does not wait for a clock that was set back, and takes one that is a little ahead for what it is', () => {
    expect(until({ backups: [backup(5, -400 * HOUR)] })).toBe(0)
    expect(until({ backups: [backup(5, -400 * HOUR), backup(5, HOUR)] })).toBe(23 * HOUR)
    expect(until({ backups: [backup(5, -MINUTE)] })).toBe(24 * HOUR + MINUTE)
  })
})

describe('a backup that is overdue (R21, R51)', () => {
  const ring = { generation: 5, held: null }
  const overdue = (...backups: Backup[]) => isOverdue({ now: NOW, ring, backups }, policy)
  const LATEST = 26.4 * HOUR + MINUTE

  it('is so once the last of this ring is older than the interval by a tenth and a minute', () => {
    expect([overdue(backup(5, LATEST)), overdue(backup(5, LATEST + 1000))]).toEqual([false, true])
    expect(overdue(backup(4, LATEST + 1000), backup(5, HOUR))).toBe(false)
  })

  it('is so whatever there is of a later generation, or of a time that is to come', () => {
    expect(overdue(backup(4, 30 * HOUR), backup(6, HOUR))).toBe(true)
    expect(overdue(backup(6, HOUR))).toBe(true)
    expect(overdue(backup(5, -400 * HOUR))).toBe(true)
  })

  it('is never so while the ring is held', () => {
    const held = { ...ring, held: { generation: 3, writtenAt: NOW } }
    expect(isOverdue({ now: NOW, ring: held, backups: [backup(4, 90 * HOUR)] }, policy)).toBe(false)
  })
})

describe('what retention deletes (R21)', () => {
  const names = (backups: readonly Backup[]) => backups.map(({ generation }) => generation)

  it('is the earliest, beyond what is kept', () => {
    const all = [5, 1, 4, 2, 3].map((generation) => backup(generation, HOUR - generation))
    expect(names(backupsToDelete(all, backup(5), policy))).toEqual([1, 2])
    expect(backupsToDelete(all.slice(0, 3), backup(5), policy)).toEqual([])
  })

  it('is never the one that was just made, nor one of a later ring', () => {
    const made = backup(5)
    const once = { ...policy, keep: 1 }
    expect(names(backupsToDelete([backup(4), made], made, once))).toEqual([4])
    expect(names(backupsToDelete([backup(4), made, backup(6), backup(7)], made, once))).toEqual([4])
    // made before the clock was set back, of the same generation
    expect(backupsToDelete([made, backup(5, -HOUR)], made, once)).toEqual([])
  })

  it('does not count those of a later generation among what is kept', () => {
    const all = [backup(3), backup(4), backup(5), backup(7), backup(8), backup(9)]
    expect(backupsToDelete(all, backup(5), policy)).toEqual([])
  })

  it('goes by generations, since a clock may have been set', () => {
    const all = [backup(3, -HOUR), backup(4, 2 * HOUR), backup(5)].sort(byGeneration)
    expect(names(backupsToDelete(all, backup(5), { ...policy, keep: 2 }))).toEqual([3])
  })
})
