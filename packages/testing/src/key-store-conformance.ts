import assert from 'node:assert/strict'
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

/** One fact that every {@link KeyStore} must make true. Runs under any test framework. */
export interface ConformanceCase {
  readonly name: string
  /** `open` gives a store over the same, at first empty, place each time. */
  run(open: () => KeyStore): Promise<void>
}

const POLICY: KeyPolicy = { ...DEFAULT_POLICY, algorithm: 'EdDSA' }

/**
 * What a key store must do, whatever it is made of.
 *
 * @example
 * for (const { name, run } of keyStoreConformance) it(name, () => run(() => new MyKeyStore(place)))
 */
export const keyStoreConformance: readonly ConformanceCase[] = Object.freeze([
  {
    name: 'is empty at first',
    async run(open) {
      assert.equal(await open().load(), undefined)
    },
  },
  {
    name: 'gives back the ring that was saved, to another reader too',
    async run(open) {
      const ring = await someRing()
      await open().save(ring, 0)
      assert.deepEqual(view(await open().load()), view(ring))
    },
  },
  {
    name: 'refuses a second first ring',
    async run(open) {
      await open().save(await someRing(), 0)
      await assert.rejects(open().save(await someRing(), 0), StoreConflict)
    },
  },
  {
    name: 'refuses a save that expects an older generation, and keeps the newer ring',
    async run(open) {
      const first = await someRing()
      const second = following(first)
      await open().save(first, 0)
      await open().save(second, 1)
      await assert.rejects(open().save({ ...second, writtenAt: second.writtenAt + 1 }, 1), StoreConflict)
      assert.deepEqual(view(await open().load()), view(second))
    },
  },
  {
    name: 'lets exactly one of many writers win',
    async run(open) {
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
    async run(open) {
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
])

async function someRing(): Promise<KeyRing> {
  const store = new MemoryKeyStore()
  const keys = await KeyManager.open({ store, policy: POLICY, generate: generateSigningPair })
  await keys.close()
  return keys.ring()
}

function following(ring: KeyRing): KeyRing {
  return { ...ring, generation: ring.generation + 1 }
}

function view(ring: KeyRing | undefined): unknown {
  return (
    ring &&
    JSON.parse(JSON.stringify({ ...ring, keys: ring.keys.map((key) => ({ ...key, privateKey: null })) }))
  )
}
