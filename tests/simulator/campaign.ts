import { parseArgs } from 'node:util'
import { type SimulationOutcome, simulate } from '@keyturn/testing/simulator'

/**
 * `node tests/simulator/campaign.ts --from 1 --count 1000`: plays so many histories, and prints a line of JSON. A red one
 * ends it, and its history goes to stderr; `--from SEED --count 1` plays it again. `--until invariant-2` goes on until that
 * is broken.
 */

const { values } = parseArgs({
  options: {
    from: { type: 'string', default: '1' },
    count: { type: 'string', default: '1000' },
    until: { type: 'string' },
  },
})
const from = Number(values.from)
let red: SimulationOutcome | undefined
let seed = from
let writes = 0
for (; seed < from + Number(values.count) && red === undefined; seed++) {
  const outcome = await simulate({ seed })
  writes += outcome.writes
  if (outcome.violations.some(({ id }) => id === (values.until ?? id))) red = outcome
}
if (red !== undefined) {
  console.error(red.history.join('\n'))
  console.error(`\nonce more: node tests/simulator/campaign.ts --from ${red.seed} --count 1`)
}
console.log(
  JSON.stringify({ from, histories: seed - from, writes, redSeed: red?.seed, violations: red?.violations }),
)
