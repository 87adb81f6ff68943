import type { AlgorithmName } from '@keyturn/core'
import { neighboursOf } from './neighbours.ts'
import { openTrial, type TrialOutcome } from './trial.ts'

/** Shows a verifier the neighbours of a good token of one algorithm: all of them, or one of so many. */
export async function fuzzNeighbours(options: {
  readonly algorithm: AlgorithmName
  readonly oneOf?: number
}): Promise<TrialOutcome> {
  const { algorithm, oneOf } = options
  const trial = await openTrial()
  const text = trial.tokens.find(({ alg }) => alg === algorithm)?.text
  if (text === undefined) throw new Error(`expected an algorithm of this runtime, not ${algorithm}`)
  let index = 0
  for (const neighbour of neighboursOf(text, oneOf)) trial.show(neighbour, `${algorithm}, ${index++}`)
  return trial.end()
}
