import assert from 'node:assert/strict'
import { systemClock } from '@keyturn/core'
import {
  DEFAULT_POLICY,
  generateSigningPair,
  KeyManager,
  type KeyPolicy,
  type KeyRing,
  type KeyStore,
  MemoryKeyStore,
  StoreConflict,
} from '@keyturn/keyring'

/** Where the stores under test keep their ring, and how time and trouble come there. At first it is empty. */
export interface StorePlace {
  /** A store over this place; each time another one, as in another process, unless it lives in memory. */
  open(): KeyStore
  /** P: within this time, in milliseconds, a store reports what others write. */
  readonly pollMs: number
  /** Lets time pass for the stores: `fakeClock().advance`, or a real wait where they go by the machine's clock. */
  pass(ms: number): Promise<void>
  /** Its stores look for what others write, as at files; `false` where they are told of it, as in memory. */
  readonly looks: boolean
  /** Its stores have a clock of their own, as a database has. Left out where they go by the clock of their writers. */
  readonly hasClock?: boolean
  /** Makes what is there unreadable, and gives what mends it. Left out where nothing can fail, as in memory. */
  spoil?(): Promise<() => Promise<void>>
  /** Puts away what is there, so that the place is empty, and gives what puts it back. Left out where nobody can. */
  putAway?(): Promise<() => Promise<void>>
}

/** One fact that every {@link KeyStore} must make true. Runs under any test framework. */
export interface ConformanceCase {
  readonly name: string
  /** What a place must have for this to mean anything: skip the case, visibly, where it has not. */
  readonly needs?: 'looks' | 'hasClock' | 'spoil' | 'putAway'
  run(place: StorePlace): Promise<void>
}

const POLICY: KeyPolicy = { ...DEFAULT_POLICY, algorithm: 'EdDSA' }
/** What is due on a fake clock is read in real time all the same. */
const SLOWEST_READ_MS = 3000

/**
 * What a key store must do, whatever it is made of.
 *
 * @example
 * const clock = fakeClock()
 * const place = { open: () => new MyKeyStore({ url, clock }), pollMs: 1000, pass: clock.advance, looks: true }
 * for (const { name, needs, run } of keyStoreConformance)
 *   it.skipIf(needs !== undefined && !place[needs])(name, () => run(place))
 */
export const keyStoreConformance: readonly ConformanceCase[] = Object.freeze([
  {
    name: 'is empty at first',
    async run({ open }) {
      assert.equal(await open().load(), undefined)
    },
  },
  {
    name: 'gives back the ring that was saved, to another reader too',
    async run({ open }) {
      const ring = await someRing()
      await open().save(ring, 0)
      assert.deepEqual(view(await open().load()), view(ring))
    },
  },
  {
    name: 'refuses a second first ring',
    async run({ open }) {
      await open().save(await someRing(), 0)
      await assert.rejects(open().save(await someRing(), 0), StoreConflict)
    },
  },
  {
    name: 'refuses a save that expects an older generation, and keeps the newer ring',
    async run({ open }) {
      const first = await someRing()
      const second = following(first)
      await open().save(first, 0)
      await open().save(second, 1)
      await assert.rejects(open().save({ ...second, writtenAt: second.writtenAt + 1 }, 1), StoreConflict)
      assert.deepEqual(view(await open().load()), view(second))
    },
  },
  {
    name: 'refuses a save over another ring, whatever its generation, unless that one is to be replaced (R16)',
    async run({ open }) {
      const [first, other] = [await someRing(), await someRing()]
      await open().save(first, 0)
      const store = open()
      await store.load()
      await assert.rejects(store.save(following(other), 1), StoreConflict)
      await assert.rejects(open().save(following(other), 1), StoreConflict)
      assert.deepEqual(view(await open().load()), view(first))
      await store.save(following(first), 1)
      const restored = following(following(other))
      await open().save(restored, 2, { overAnyRing: true })
      assert.deepEqual(view(await open().load()), view(restored))
    },
  },
  {
    name: 'lets exactly one of many writers win',
    async run({ open }) {
      const first = await someRing()
      await open().save(first, 0)
      const outcomes = await Promise.allSettled(
        Array.from({ length: 8 }, () => open().save(following(first), 1)),
      )
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') assert.ok(outcome.reason instanceof StoreConflict)
      }
    },
  },
  {
    name: 'counts generations without a gap over many saves',
    async run({ open }) {
      let ring = await someRing()
      await open().save(ring, 0)
      for (let save = 0; save < 20; save++) {
        const next = following(ring)
        await open().save(next, ring.generation)
        ring = next
      }
      assert.equal((await open().load())?.generation, 21)
    },
  },
  {
    name: 'reports a write by another within the poll interval, the newest ring each time',
    async run({ open, pollMs, pass }) {
      const first = await someRing()
      await open().save(first, 0)
      const watch = await listen(open())
      for (let ring = following(first); ring.generation < 4; ring = following(ring)) {
        await open().save(ring, ring.generation - 1)
        await pass(pollMs)
        await watch.hears(ring)
      }
      watch.stop()
    },
  },
  {
    name: 'reports nothing once it was told to stop',
    async run({ open, pollMs, pass }) {
      const first = await someRing()
      await open().save(first, 0)
      const [stopped, other] = [await listen(open()), await listen(open())]
      stopped.stop()
      const second = following(first)
      await open().save(second, 1)
      await pass(pollMs)
      await other.hears(second)
      other.stop()
      assert.deepEqual(stopped.heard, [])
    },
  },
  {
    name: 'reports that it cannot read, keeps looking, and reports what is written after that',
    needs: 'spoil',
    async run({ open, pollMs, pass, spoil }) {
      assert.ok(spoil, 'the case needs spoil')
      const first = await someRing()
      await open().save(first, 0)
      const watch = await listen(open())
      const mend = await spoil()
      await pass(pollMs)
      await watch.hears('error')
      await mend()
      const second = following(first)
      await open().save(second, 1)
      await pass(pollMs)
      await watch.hears(second)
      watch.stop()
    },
  },
  {
    name: 'tells of each look that it begins, and of one outcome: also that nothing is new',
    needs: 'looks',
    async run({ open, pollMs, pass }) {
      const first = await someRing()
      await open().save(first, 0)
      const watch = await listen(open())
      for (let look = 0; look < 3; look++) {
        const told = watch.log.length
        await pass(pollMs)
        await watch.tells((log) => log.length > told && log.at(-1) === 'healthy', 'that nothing is new')
      }
      await open().save(following(first), 1)
      await pass(pollMs)
      await watch.tells((log) => log.includes('change'), 'of the write')
      watch.stop()
      for (const [index, said] of watch.log.entries()) assert.equal(said === 'look', index % 2 === 0)
    },
  },
  {
    name: 'refuses a write that arrives later than P after its date, by the clock of the store',
    needs: 'hasClock',
    async run({ open, pollMs }) {
      const first = await someRing()
      await open().save(first, 0)
      const late = { ...following(first), writtenAt: systemClock.now() - pollMs - SLOWEST_READ_MS }
      await assert.rejects(open().save(late, 1), StoreConflict)
      assert.deepEqual(view(await open().load()), view(first))
      await open().save(following(first), 1)
    },
  },
  {
    name: 'reports another ring of the same generation, and writes nothing over it (R16)',
    needs: 'putAway',
    async run(place) {
      const { mine, other, store, watch } = await exchanged(place)
      await assert.rejects(store.save(following(mine), 1), StoreConflict)
      await place.pass(place.pollMs)
      await watch.hears(other)
      watch.stop()
      await assert.rejects(store.save(following(mine), 1), StoreConflict)
      assert.deepEqual(view(await store.load()), view(other))
    },
  },
  {
    name: 'goes by the ring that was loaded last: one that is put back after a newer one is no error for ever',
    needs: 'putAway',
    async run(place) {
      const { mine, other, store, watch, putBack } = await exchanged(place)
      const second = following(other)
      await place.open().save(second, 1)
      await place.pass(place.pollMs)
      await watch.hears(second)
      await watch.tells((log) => log.at(-1) !== 'look', 'what came of the look under way')
      await putBack()
      assert.deepEqual(view(await store.load()), view(mine))
      const told = watch.log.length
      await place.pass(place.pollMs)
      await watch.tells((log) => log.length > told && log.at(-1) === 'healthy', 'that nothing is new')
      watch.stop()
    },
  },
])

/** A ring that is watched, in whose place another one is since. */
async function exchanged({ open, putAway }: StorePlace) {
  assert.ok(putAway, 'the case needs putAway')
  const [mine, other] = [await someRing(), await someRing()]
  await open().save(mine, 0)
  const store = open()
  const watch = await listen(store)
  const putBack = await putAway()
  await open().save(other, 0)
  return { mine, other, store, watch, putBack }
}

/** What a watcher is told, in order. */
type Said = 'look' | 'healthy' | 'change' | 'error'

/** Watches as a manager does: after it has loaded. */
async function listen(store: KeyStore) {
  const heard: (KeyRing | 'error')[] = []
  const log: Said[] = []
  let wake = () => {}
  const note = (said: Said) => {
    log.push(said)
    wake()
  }
  await store.load()
  const stop = store.watch({
    onLook: () => note('look'),
    onHealthy: () => note('healthy'),
    onChange(ring) {
      heard.push(ring)
      note('change')
    },
    onError() {
      heard.push('error')
      note('error')
    },
  })
  /** So it is, at the latest when the read that is under way has ended. */
  const comesTrue = async (isTrue: () => boolean) => {
    let isLate = false
    const cancel = systemClock.setTimer(() => {
      isLate = true
      wake()
    }, SLOWEST_READ_MS)
    while (!isLate && !isTrue()) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    cancel()
  }
  /** The last report is this one. */
  const hears = async (expected: KeyRing | 'error') => {
    await comesTrue(() => isSame(heard.at(-1), expected))
    assert.deepEqual(viewReport(heard.at(-1)), viewReport(expected))
  }
  const tells = async (isTold: (log: readonly Said[]) => boolean, what: string) => {
    await comesTrue(() => isTold(log))
    assert.ok(isTold(log), `expected to be told ${what}, heard: ${log.join(', ')}`)
  }
  return { heard, log, hears, tells, stop }
}

function isSame(one: KeyRing | 'error' | undefined, other: KeyRing | 'error'): boolean {
  return JSON.stringify(viewReport(one)) === JSON.stringify(viewReport(other))
}

function viewReport(report: KeyRing | 'error' | undefined): unknown {
  return report === 'error' ? report : view(report)
}

async function someRing(): Promise<KeyRing> {
  const store = new MemoryKeyStore()
  const keys = await KeyManager.open({ store, policy: POLICY, generate: generateSigningPair })
  await keys.close()
  return keys.ring()
}

/** The generation after a ring, dated now as a manager does. */
function following(ring: KeyRing): KeyRing {
  const writtenAt = Math.max(ring.writtenAt, systemClock.now())
  return { ...ring, generation: ring.generation + 1, writtenAt }
}

function view(ring: KeyRing | undefined): unknown {
  return (
    ring &&
    JSON.parse(JSON.stringify({ ...ring, keys: ring.keys.map((key) => ({ ...key, privateKey: null })) }))
  )
}
