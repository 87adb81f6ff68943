import { Chance } from './chance.ts'
import { MUTATIONS } from './hostile-inputs.ts'
import { openTrial, type TrialOutcome } from './trial.ts'

/** Shows a verifier inputs of the seeds from one on, each made by another kind of mutation, and what they must not be. */
export async function fuzz({
  from,
  count,
}: {
  readonly from: number
  readonly count: number
}): Promise<TrialOutcome> {
  const trial = await openTrial()
  const texts = trial.tokens.map(({ text }) => text)
  const kinds = Object.entries(MUTATIONS)
  for (let seed = from; seed < from + count; seed++) {
    const [kind, mutate] = kinds[seed % kinds.length] as (typeof kinds)[number]
    trial.show(mutate(texts, new Chance(seed)), `${kind}, seed ${seed}`)
  }
  return trial.end()
}
