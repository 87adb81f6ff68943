import { parseArgs } from 'node:util'
import { availableAlgorithms } from '@keyturn/core'
import { fuzz } from './fuzz.ts'
import { fuzzKeySets } from './fuzz-key-sets.ts'
import { fuzzNeighbours } from './fuzz-neighbours.ts'

/**
 * `node tests/fuzz/campaign.ts --from 1 --count 10000000`: tokens; with `--key-sets`, key sets; with `--neighbours`, every neighbour of a
 * token of each algorithm. Prints what came of it as JSON, and exits with 1 when anything must not be. `--from SEED --count 1` does
 * one again.
 */

const { values } = parseArgs({
  options: {
    from: { type: 'string', default: '1' },
    count: { type: 'string', default: '200000' },
    'key-sets': { type: 'boolean', default: false },
    neighbours: { type: 'boolean', default: false },
  },
})
const range = { from: Number(values.from), count: Number(values.count) }

if (values.neighbours) {
  for (const algorithm of availableAlgorithms()) {
    report({ algorithm, ...(await fuzzNeighbours({ algorithm })) })
  }
} else {
  report({ from: range.from, ...(await (values['key-sets'] ? fuzzKeySets(range) : fuzz(range))) })
}

function report<Outcome extends { readonly faults: readonly string[] }>(outcome: Outcome): void {
  console.log(JSON.stringify(outcome, null, 1))
  if (outcome.faults.length > 0) process.exitCode = 1
}
