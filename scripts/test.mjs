import { spawn } from 'node:child_process'
import { build, exitCodeOf, install, machineNode, node, pinnedNode, root } from './workspace.mjs'

/**
 * `npm test`: installs and compiles what is missing, runs every check and every test. Where the machine's own Node is
 * another than the pinned one, the libraries are tested on it too, since services run on what they have.
 */

await install()
await build()
await node(['scripts/check.mjs'])
if (!(await runTests(pinnedNode, process.argv.slice(2)))) process.exit(1)
if (await isOlder(machineNode)) {
  console.log('\nThe libraries on the Node of this machine:')
  if (
    !(await runTests(machineNode, [
      '--project',
      'unit',
      'packages/core',
      'packages/keyring',
      'packages/verifier',
    ]))
  ) {
    process.exit(1)
  }
}

async function runTests(program, args) {
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', ...args]
  return (await exitCodeOf(spawn(program, vitest, { cwd: root, stdio: 'inherit' }))) === 0
}

async function isOlder(program) {
  return (
    (await exitCodeOf(spawn(program, ['-e', 'process.exit(process.versions.node < "24" ? 0 : 1)']))) === 0
  )
}
