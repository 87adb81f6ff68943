import { BENCH_ALGORITHMS, type BenchAlgorithm, type Task } from '../contenders/contender.ts'
import { signersOf, verifiersOf } from '../contenders/field.ts'
import { openTask } from '../contenders/task.ts'
import { type Entrant, holdContest, type Pace, type Standing } from '../measuring/contest.ts'

/** What came of one algorithm. */
export interface AlgorithmContest {
  readonly algorithm: BenchAlgorithm
  readonly inFlight: number
  readonly standings: readonly Standing[]
}

const IN_FLIGHT = 64

/** Signing: one token after the other, and {@link IN_FLIGHT} at once. */
export async function runSigning(pace: Pace): Promise<readonly AlgorithmContest[]> {
  return await runContests(signersOf, [1, IN_FLIGHT], pace)
}

/** Verifying tokens that are all distinct, one after the other. */
export async function runVerifying(pace: Pace): Promise<readonly AlgorithmContest[]> {
  return await runContests(verifiersOf, [1], pace)
}

async function runContests(
  entrantsOf: (task: Task) => Promise<readonly Entrant[]>,
  inFlights: readonly number[],
  pace: Pace,
): Promise<readonly AlgorithmContest[]> {
  const contests: AlgorithmContest[] = []
  for (const algorithm of BENCH_ALGORITHMS) {
    const task = await openTask(algorithm)
    const entrants = await entrantsOf(task)
    for (const inFlight of inFlights) {
      const standings = await holdContest(entrants, { ...pace, inFlight })
      contests.push({ algorithm, inFlight, standings })
    }
    await task.keys.close()
  }
  return contests
}
