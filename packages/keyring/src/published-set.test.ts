import { describe, expect, it } from 'vitest'
import type { KeyManager } from './manager.ts'
import { openManager, policy } from './open-manager.fixture.ts'
import { propagationOf } from './timing.ts'

const { timing } = policy
const T = timing.rotationIntervalMs
const editionOf = (keys: KeyManager) => {
  const { keyturn, ...content } = keys.publicJwks()
  return { ...content, version: keyturn?.version, nextActivation: keyturn?.next_activation }
}

describe('the version of the published set (R12)', () => {
  it('grows when the end of a key is shown, which is a write after the key has signed', async () => {
    const { keys, advance } = await openManager()
    await advance(T)
    const before = editionOf(keys)
    await advance(propagationOf(timing))
    const after = editionOf(keys)
    expect(before.keys[0]?.exp).toBeUndefined()
    expect(after.keys[0]?.exp).toBeTypeOf('number')
    expect(after.version).toBeGreaterThan(before.version ?? Infinity)
  })

  it('stays when a longer lifetime is promised, of which the set says nothing yet', async () => {
    const { keys, reopen } = await openManager()
    await keys.close()
    const again = await reopen({
      policy: { ...policy, timing: { ...timing, maxTtlMs: 2 * timing.maxTtlMs } },
    })
    expect(again.ring().generation).toBeGreaterThan(keys.ring().generation)
    expect(again.publicJwks()).toEqual(keys.publicJwks())
  })

  it('stays when time alone changes the set: a key begins to sign', async () => {
    const { keys, store, advance } = await openManager()
    const before = editionOf(keys)
    store.save = () => Promise.reject(new Error('disk full'))
    await advance(T)
    expect(editionOf(keys)).toMatchObject({ version: before.version, nextActivation: undefined })
    expect(before.nextActivation).toBeTypeOf('number')
  })

  it('grows when an activation is brought forward', async () => {
    const { keys } = await openManager()
    const before = editionOf(keys)
    await keys.rotate()
    expect(editionOf(keys).version).toBeGreaterThan(before.version ?? Infinity)
  })
})
