import { parseArgs } from 'node:util'
import { fuzz } from './fuzz.ts'
import { fuzzKeySets } from './fuzz-key-sets.ts'

/**
 * `node tests/fuzz/campaign.ts --from 1 --count 10000000`: tokens; with `--key-sets`, key sets. Prints what came of it as JSON, and
 * exits with 1 when anything must not be. `--from SEED --count 1` does one again.
 */

const { values } = parseArgs({
  options: {
    from: { type: 'string', default: '1' },
    count: { type: 'string', default: '200000' },
    'key-sets': { type: 'boolean', default: false },
  },
})
const range = { from: Number(values.from), count: Number(values.count) }
const outcome = await (values['key-sets'] ? fuzzKeySets(range) : fuzz(range))
console.log(JSON.stringify({ from: range.from, ...outcome }, null, 1))
if (outcome.faults.length > 0) process.exitCode = 1
