import { JWK_SET_LIMITS } from '@keyturn/core'
import { codeOf } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import { generateSigningPair, type KeyPair } from './key-pair.ts'
import { openManager, policy } from './open-manager.fixture.ts'
import { graceOf } from './timing.ts'

const pairs = await Promise.all(Array.from({ length: 60 }, () => generateSigningPair(policy)))

describe('the size of the key set (R6, R29)', () => {
  it('stays within what verifiers take, however often an operator rotates', async () => {
    const unused = pairs.values()
    const { keys, advance } = await openManager({ generate: async () => unused.next().value as KeyPair })
    const outcomes: string[] = []
    for (let turn = 0; turn < 40; turn++) {
      outcomes.push(await codeOf(keys.rotate({ force: true })))
      await advance(2 * policy.timing.storePollMs)
    }
    expect(keys.publicJwks().keys).toHaveLength(JWK_SET_LIMITS.keys)
    expect(new Set(outcomes)).toEqual(new Set(['none', 'set_full']))
    expect(keys.health().nextKeyReady).toBe(false)
    await advance(graceOf(policy.timing))
    expect(keys.health().nextKeyReady).toBe(true)
    expect(await codeOf(keys.rotate({ force: true }))).toBe('none')
  })
})
