import { createPublicKey } from 'node:crypto'
import { DEFAULT_POLICY, KeyManager, MemoryKeyStore, publishedJwk } from '@keyturn/keyring'
import type { BenchAlgorithm, Task } from './contender.ts'

/** Makes a ring, and hands out its active key to everybody. The caller closes `keys`. */
export async function openTask(algorithm: BenchAlgorithm): Promise<Task> {
  const store = new MemoryKeyStore()
  const keys = await KeyManager.open({ store, policy: { ...DEFAULT_POLICY, algorithm } })
  const active = keys.ring().keys[0]
  if (active === undefined || active.privateKey === null) throw new Error('expected a ring with a key')
  const { kid, privateKey } = active
  const publicKey = createPublicKey(privateKey as never)
  return { algorithm, keys, kid, privateKey, publicKey, jwk: publishedJwk(active) }
}
