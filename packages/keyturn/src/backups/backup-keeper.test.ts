import { KeyturnError } from '@keyturn/core'
import {
  DEFAULT_POLICY,
  generateSigningPair,
  KeyManager,
  type KeyPair,
  type KeyRing,
  MemoryKeyStore,
} from '@keyturn/keyring'
import { fakeClock } from '@keyturn/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { type BackupEvent, BackupKeeper, type BackupPlace } from './backup-keeper.ts'
import { type Backup, backupOf } from './backup-name.ts'

const HOUR = 3_600_000
const MINUTE = 60_000
const rotationIntervalMs = 2 * HOUR
const policy = {
  ...DEFAULT_POLICY,
  algorithm: 'EdDSA',
  timing: { ...DEFAULT_POLICY.timing, rotationIntervalMs },
} as const
const pairs = await Promise.all(Array.from({ length: 8 }, () => generateSigningPair(policy)))
const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const it of opened.splice(0)) await it.close()
})

/** A folder in memory, of which each operation can be made to fail or to hang. */
class Shelf implements BackupPlace {
  backups: Backup[] = []
  damaged: string[] = []
  failure: string | undefined
  hang: Promise<void> | undefined
  looks = 0
  /** What is seen is a moment old when it is known. */
  pause = async () => {}
  async look() {
    this.looks += 1
    await this.hang
    this.#fail()
    const whole = [...this.backups]
    await this.pause()
    return { whole, damaged: this.damaged, sharesDisk: true }
  }
  async write(ring: { ringId: string; generation: number }, now: number) {
    this.#fail()
    const made = backupOf(ring, now)
    this.backups.push(made)
    return made
  }
  async delete(backup: Backup) {
    this.#fail()
    this.backups = this.backups.filter(({ name }) => name !== backup.name)
  }
  #fail() {
    if (this.failure !== undefined) throw new KeyturnError(this.failure, '')
  }
}

async function kept({ keep = 3, intervalMs = HOUR, shelf = new Shelf() } = {}) {
  const clock = fakeClock()
  const unused = pairs.values()
  const keys = await KeyManager.open({
    store: new MemoryKeyStore(),
    policy,
    clock,
    generate: async () => unused.next().value as KeyPair,
  })
  const events: BackupEvent[] = []
  let inMemory: () => KeyRing = () => keys.ring()
  const hold = (ring: () => KeyRing) => (inMemory = ring)
  const begin = (random = 0) => {
    const backups = new BackupKeeper({
      place: shelf,
      policy: { intervalMs, keep },
      ring: () => inMemory(),
      clock,
      onEvent: (event) => events.push(event),
      random: () => random,
    })
    backups.start()
    opened.unshift(backups)
    return backups
  }
  opened.push(keys)
  const generations = () => shelf.backups.map(({ generation }) => generation)
  return { clock, keys, shelf, events, begin, hold, backups: begin(), generations }
}

describe('scheduled backups (R21)', () => {
  it('are made at the start, and once an interval', async () => {
    const { clock, shelf, backups, generations } = await kept()
    await clock.advance(1000)
    expect(generations()).toEqual([1])
    await clock.advance(HOUR - MINUTE)
    expect(shelf.backups).toHaveLength(1)
    expect(backups.health()).toMatchObject({ status: 'ok', kept: 1, newest: { generation: 1 } })
    expect(backups.health().newest?.ageMs).toBeGreaterThan(HOUR - 2 * MINUTE)
    await clock.advance(MINUTE)
    expect(shelf.backups).toHaveLength(2)
  })

  it('follow each change that matters within seconds, and know every key of the ring', async () => {
    const { clock, keys, generations } = await kept({ intervalMs: 240 * HOUR })
    await clock.advance(rotationIntervalMs + 2000)
    const { generation } = keys.ring()
    expect(generation).toBeGreaterThan(1)
    expect(generations()).toEqual([1, generation])
    // private halves go and keys are removed, which a backup need not know
    await clock.advance(MINUTE)
    expect(keys.ring().generation).toBeGreaterThan(generation)
    expect(generations()).toEqual([1, generation])
    await keys.revoke(keys.ring().keys.at(-2)?.kid ?? '', { reason: 'leaked' })
    await clock.advance(2000)
    expect(generations()).toHaveLength(3)
  })

  it('come in no burst, neither of starts nor of replicas', async () => {
    const { clock, shelf, begin } = await kept()
    shelf.pause = () => new Promise((resolve) => void clock.setTimer(() => resolve(), 50))
    await clock.advance(1000)
    for (const random of [0.1, 0.3, 0.5, 0.7, 0.9]) begin(random)
    await clock.advance(HOUR - MINUTE)
    expect(shelf.backups).toHaveLength(1)
    await clock.advance(2 * MINUTE)
    expect(shelf.backups).toHaveLength(2)
  })

  it('are kept to their number, and every one that goes is told of', async () => {
    const { clock, shelf, events } = await kept({ intervalMs: 10 * MINUTE })
    await clock.advance(HOUR)
    expect(shelf.backups).toHaveLength(3)
    const told = (kind: BackupEvent['kind']) => events.filter((event) => event.kind === kind).length
    expect(told('backup-made') - told('backup-deleted')).toBe(3)
    expect(told('backup-failed')).toBe(0)
    expect(told('backup-shares-disk')).toBe(1)
  })
})

describe('a backup that fails (R18, R21)', () => {
  it('is tried again later and later, is told of each time, and disturbs no rotation', async () => {
    const { clock, keys, shelf, events, backups } = await kept()
    shelf.failure = 'backup_failed'
    await clock.advance(10 * MINUTE)
    const failures = events.filter((event) => event.kind === 'backup-failed')
    expect(failures.length).toBeGreaterThan(5)
    expect(failures.length).toBeLessThan(15)
    expect(failures.at(-1)?.retryInMs).toBeGreaterThan(100_000)
    expect(backups.health()).toMatchObject({
      status: 'degraded',
      consecutiveFailures: failures.length,
      lastFailure: { code: 'backup_failed' },
    })
    expect(keys.health().status).toBe('ok')
    shelf.failure = undefined
    await clock.advance(5 * MINUTE)
    expect(backups.health()).toMatchObject({ status: 'ok', consecutiveFailures: 0, kept: 1 })
  })

  it('is one that hangs: no other is begun beside it, and it keeps nobody from stopping', async () => {
    const { clock, shelf, events, backups } = await kept()
    let answer = () => {}
    shelf.hang = new Promise((resolve) => (answer = resolve))
    await clock.advance(29_000)
    expect(backups.health().status).toBe('ok')
    await clock.advance(HOUR)
    expect(shelf.looks).toBe(1)
    expect(events.map(({ kind }) => kind)).toEqual(['backup-failed'])
    expect(backups.health()).toMatchObject({ status: 'degraded', lastFailure: { code: 'backup_stalled' } })
    let isClosed = false
    const closing = backups.close().then(() => (isClosed = true))
    await clock.advance(2000)
    expect(isClosed).toBe(true)
    await closing
    answer()
  })

  it('is well again when a disk that hung answers after all', async () => {
    const { clock, shelf, backups } = await kept()
    let answer = () => {}
    shelf.hang = new Promise((resolve) => (answer = resolve))
    await clock.advance(MINUTE)
    shelf.hang = undefined
    answer()
    await clock.advance(MINUTE)
    expect(backups.health()).toMatchObject({ status: 'ok', kept: 1 })
  })
})

describe('a backup that is damaged (R21)', () => {
  it('is told of once, shows in health, and counts for nothing', async () => {
    const { clock, shelf, events, backups, generations } = await kept({ intervalMs: 10 * MINUTE })
    shelf.damaged = ['keyturn-a.ring']
    await clock.advance(HOUR)
    expect(events.filter(({ kind }) => kind === 'backup-damaged')).toHaveLength(1)
    expect(backups.health()).toMatchObject({ status: 'degraded', damaged: ['keyturn-a.ring'], kept: 3 })
    expect(generations()).toHaveLength(3)
  })
})

describe('a ring that is not what the backups are of (R21, R22)', () => {
  it('has none made nor deleted while it is held: it may be the wrong one', async () => {
    const { clock, keys, shelf, events, backups, hold, generations } = await kept({ keep: 1 })
    await clock.advance(MINUTE)
    const mark = { generation: 1, writtenAt: 0 }
    hold(() => ({ ...keys.ring(), generation: 9, held: mark }))
    await clock.advance(10 * HOUR)
    expect(generations()).toEqual([1])
    expect(events.filter(({ kind }) => kind === 'backup-deleted')).toEqual([])
    expect(backups.health().status).toBe('ok')
    hold(() => ({ ...keys.ring(), generation: 10 }))
    await clock.advance(2000)
    expect(generations()).toEqual([10])
    expect(shelf.looks).toBeGreaterThan(1)
  })

  it('is backed up also beside what it was before it was rolled back', async () => {
    const { clock, keys, shelf, backups, generations } = await kept({ keep: 2 })
    const [seventh, eighth] = [7, 8].map((generation) =>
      backupOf({ ringId: keys.ring().ringId, generation }, clock.now()),
    ) as [Backup, Backup]
    shelf.backups = [seventh, eighth]
    await clock.advance(2000)
    expect(generations()).toEqual([7, 8, 1])
    expect(backups.health().newest?.generation).toBe(1)
    await clock.advance(rotationIntervalMs + 2000)
    const own = generations().filter((generation) => generation < 7)
    expect(own).toHaveLength(2)
    expect(own).toContain(keys.ring().generation)
    expect(shelf.backups).toEqual(expect.arrayContaining([seventh, eighth]))
  })

  it('degrades the health where its newest backup is older than it should be', async () => {
    const { clock, shelf, backups } = await kept()
    await clock.advance(MINUTE)
    let answer = () => {}
    shelf.hang = new Promise((resolve) => (answer = resolve))
    expect(backups.health()).toMatchObject({ status: 'ok', overdue: false })
    await clock.advance(HOUR + 10 * MINUTE)
    expect(backups.health()).toMatchObject({ status: 'degraded', overdue: true })
    shelf.hang = undefined
    answer()
    await clock.advance(MINUTE)
    expect(backups.health()).toMatchObject({ status: 'ok', overdue: false })
  })
})
