import { fakeClock } from '@keyturn/testing'
import { afterEach } from 'vitest'
import type { KeyringEvent } from './events.ts'
import { generateSigningPair, type KeyPair } from './key-pair.ts'
import { KeyManager } from './manager.ts'
import type { KeyManagerOptions } from './manager-options.ts'
import { MemoryKeyStore } from './stores/memory-key-store.ts'
import { DEFAULT_POLICY } from './timing.ts'

/** The default policy, with keys that are made in no time. */
export const policy = { ...DEFAULT_POLICY, algorithm: 'EdDSA' } as const

// a key pair from the thread pool would come in real time, which a fake clock does not move
const pairs = await Promise.all(Array.from({ length: 16 }, () => generateSigningPair(policy)))
const opened: KeyManager[] = []
afterEach(async () => {
  for (const keys of opened.splice(0)) await keys.close()
})

/** A manager on a clock that stands still, over a store in memory; `reopen` gives another one over the same store. */
export async function openManager(extra: Partial<KeyManagerOptions> = {}) {
  const clock = fakeClock()
  const events: KeyringEvent[] = []
  const unused = pairs.values()
  const given = {
    store: new MemoryKeyStore(),
    policy,
    clock,
    generate: async () => unused.next().value as KeyPair,
    onEvent: (it: KeyringEvent) => events.push(it),
    ...extra,
  }
  const reopen = async (changes: Partial<KeyManagerOptions> = {}) => {
    const keys = await KeyManager.open({ ...given, ...changes })
    opened.push(keys)
    return keys
  }
  return { keys: await reopen(), clock, advance: clock.advance, events, reopen, store: given.store }
}
