import { createVerifier as createFastJwtVerifier } from 'fast-jwt'
import { BENCH_ALGORITHMS, CLAIMS, type Task } from '../contenders/contender.ts'
import { keyturn, openVerifier } from '../contenders/keyturn.ts'
import { openTask } from '../contenders/task.ts'
import { type Entrant, holdContest, type Pace } from '../measuring/contest.ts'
import { measureMemory } from '../measuring/memory.ts'
import type { AlgorithmContest } from './tokens.ts'

/** What a token costs that was verified before. */
export interface RepeatedFigures {
  readonly contests: readonly AlgorithmContest[]
  /** What the heap keeps for a cached token, times its text. */
  readonly memoryRatio: number
}

const CACHED = 10_000

/** The same token again, as a new string each time, as it comes out of a request; and what it takes to remember it. */
export async function runRepeated(pace: Pace): Promise<RepeatedFigures> {
  const contests: AlgorithmContest[] = []
  for (const algorithm of BENCH_ALGORITHMS) {
    const task = await openTask(algorithm)
    const standings = await holdContest(await entrantsOf(task), { ...pace, inFlight: 1 })
    contests.push({ algorithm, inFlight: 1, standings })
    await task.keys.close()
  }
  return { contests, memoryRatio: await memoryRatio() }
}

async function entrantsOf(task: Task): Promise<readonly Entrant[]> {
  const token = Buffer.from(String(await (await keyturn.signer(task))?.act()))
  const again = () => token.toString('latin1')
  const ours = await openVerifier(task, 1000)
  const theirs = createFastJwtVerifier({
    key: task.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    algorithms: [task.algorithm],
    allowedIss: CLAIMS.iss,
    allowedAud: CLAIMS.aud,
    cache: true,
  })
  return [
    { name: 'the string alone', way: 'sync', act: again },
    { name: 'keyturn', way: 'sync', act: () => ours.verifySync(again()) },
    { name: 'fast-jwt', way: 'sync', act: () => theirs(again()) },
  ]
}

/** Of short tokens, of which the claims are the greater part. */
async function memoryRatio(): Promise<number> {
  const task = await openTask('EdDSA')
  const verifier = await openVerifier(task, 2 * CACHED)
  const claims = () => ({ ...CLAIMS, sub: crypto.randomUUID(), jti: crypto.randomUUID() })
  const tokens: Buffer[] = []
  for (let count = 0; count < CACHED; count++) {
    tokens.push(Buffer.from(await task.keys.sign(claims(), { ttlSeconds: 600, typ: 'at+jwt' })))
  }
  const before = measureMemory()
  for (const token of tokens) verifier.verifySync(token.toString('latin1'))
  const after = measureMemory()
  const characters = tokens.reduce((sum, { length }) => sum + length, 0)
  if (verifier.health().tokenCache.size !== CACHED) throw new Error('expected every token to be remembered')
  verifier.close()
  await task.keys.close()
  return (after.heapBytes - before.heapBytes) / characters
}
