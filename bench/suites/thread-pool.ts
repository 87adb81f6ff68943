import { keyturn } from '../contenders/keyturn.ts'
import { rawSigners } from '../contenders/raw.ts'
import { openTask } from '../contenders/task.ts'
import { type Entrant, holdContest, type Pace } from '../measuring/contest.ts'
import { watchLoop } from '../measuring/loop-delay.ts'
import { median } from '../measuring/statistics.ts'

/** What the thread pool makes of RSA signatures. */
export interface ThreadPoolFigures {
  readonly inFlight: number
  /** Times as many as one thread makes that does nothing but sign. */
  readonly ratioToSync: number
  /** How long the event loop was kept from its work meanwhile, in milliseconds. */
  readonly loopDelayP99Ms: number
}

const IN_FLIGHT = 64

/** Signs with RS256, {@link IN_FLIGHT} tokens at once, against a loop around `crypto.sign`. */
export async function runThreadPool(pace: Pace): Promise<ThreadPoolFigures> {
  const task = await openTask('RS256')
  const step = await keyturn.signer(task)
  const [raw] = rawSigners(task, Buffer.alloc(400))
  if (step === undefined || raw === undefined) throw new Error('expected RS256')
  const ours: Entrant = { name: keyturn.name, ...step }
  const standings = await holdContest([raw, ours], { ...pace, inFlight: IN_FLIGHT })
  const delays: number[] = []
  for (let round = 0; round < pace.rounds; round++) {
    const loop = watchLoop()
    await holdContest([ours], { sliceMs: pace.sliceMs, rounds: 1, inFlight: IN_FLIGHT })
    delays.push(loop.stop().p99Ms)
  }
  await task.keys.close()
  const ratioToSync = standings.find(({ name }) => name === ours.name)?.ratios[raw.name] ?? Number.NaN
  return { inFlight: IN_FLIGHT, ratioToSync, loopDelayP99Ms: median(delays) }
}
