import { type AlgorithmName, availableAlgorithms } from '@keyturn/core'
import { fakeClock } from '@keyturn/testing'
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { generateSigningPair, type KeyPair } from './key-pair.ts'
import { KeyManager } from './manager.ts'
import { MemoryKeyStore } from './stores/memory-key-store.ts'
import { DEFAULT_POLICY, type KeyPolicy } from './timing.ts'

const HOUR = 3_600_000
const T = 2 * HOUR
/** One of each kind: keys of all of them, with the longest there are, would be more than a set may hold. */
const KINDS = availableAlgorithms().filter((name) => !/(384|512)$/.test(name))
/** Until after the last rotation of the test. */
const TTL_SECONDS = (KINDS.length * T) / 1000 + 60
const timing = { ...DEFAULT_POLICY.timing, rotationIntervalMs: T, maxTtlMs: TTL_SECONDS * 1000 }
const claims = { iss: 'https://auth.test', aud: 'orders', sub: 'u1', jti: 'j1', client_id: 'c1' }
const expectations = { issuer: 'https://auth.test', audience: 'orders' }

// a key pair from the thread pool would come in real time, which a fake clock does not move
const pairs = new Map<AlgorithmName, KeyPair[]>()
for (const algorithm of KINDS) {
  const made = Array.from({ length: 3 }, () => generateSigningPair({ algorithm, rsaBits: 2048 }))
  pairs.set(algorithm, await Promise.all(made))
}
const generate = async ({ algorithm }: Omit<KeyPolicy, 'timing'>) =>
  pairs.get(algorithm)?.pop() ?? expect.fail(`no ${algorithm} pair left`)

describe('a change of algorithm (R2, R3, R4)', () => {
  it('takes effect with the next key that is made, and costs no token that was signed before', async () => {
    const clock = fakeClock()
    const store = new MemoryKeyStore()
    const tokens: string[] = []
    let published: readonly string[] = []
    for (const algorithm of KINDS) {
      const policy = { algorithm, rsaBits: 2048, timing } as const
      const keys = await KeyManager.open({ store, policy, clock, generate })
      tokens.push(await keys.sign(claims, { ttlSeconds: TTL_SECONDS, typ: 'at+jwt' }))
      await clock.advance(T)
      for (const token of tokens) {
        expect(keys.verify(token, expectations).claims).toMatchObject(claims)
        const set = createLocalJWKSet(keys.publicJwks() as never)
        const currentDate = new Date(clock.now())
        expect((await jwtVerify(token, set, { ...expectations, currentDate })).payload).toMatchObject(claims)
      }
      published = keys.publicJwks().keys.map(({ alg }) => alg)
      await keys.close()
    }
    // what was active and next before a change signs first: the change reaches tokens a rotation after it reached the set
    const [first, ...rest] = KINDS
    const order = [first, first, first, ...rest]
    expect(tokens.map((token) => decodeProtectedHeader(token).alg)).toEqual(order.slice(0, tokens.length))
    expect(published).toEqual(order)
  })
})
