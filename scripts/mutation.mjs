import { setPriority } from 'node:os'
import { writeReport } from './mutation-report.mjs'
import { SET_VARIABLE, setNamed } from './mutation-sets.mjs'
import { install, node } from './workspace.mjs'

/**
 * `npm run mutation -- keyring`: breaks the decisions of a set in every way that Stryker knows, one at a time, and runs their
 * tests against each. Fails when too many mutants survive, or one of which docs/mutation-testing.md does not say why.
 * What follows the name is for Stryker: `--force` forgets what it found before, `--mutate packages/keyring/src/ring.ts` does
 * one file anew.
 */

const LOW_PRIORITY = 10

await install()

const [name = 'keyring', ...args] = process.argv.slice(2)
const set = setNamed(name)
setPriority(LOW_PRIORITY)
await node(['node_modules/@stryker-mutator/core/bin/stryker.js', 'run', ...args], {
  env: { ...process.env, [SET_VARIABLE]: name },
})
const unexplained = writeReport(set)
if (unexplained > 0) {
  console.error(`${unexplained} survivors are not explained in docs/mutation-testing.md`)
  process.exitCode = 1
}
