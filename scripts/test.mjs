import { spawn } from 'node:child_process'
import { build, exitCodeOf, install, machineNode, node, pinnedNode, root } from './workspace.mjs'

/**
 * `npm test`: installs and compiles what is missing, runs every check and every test. The libraries are tested as their
 * tarballs hold them, but for tests that look inside one that is bundled: these go by its sources. Where the machine's own Node is
 * another than the pinned one, both are done on that too, since services run on what they have. With arguments, only what these
 * name is run, on the pinned Node.
 */

await install()
await build()
await node(['scripts/check.mjs'])
const asked = process.argv.slice(2)
if (asked.length > 0) {
  await runTests(pinnedNode, asked)
} else {
  await runTests(pinnedNode, ['--project=unit', 'packages/keyturn'])
  await runTests(pinnedNode, ['--project=inner', '--project=packed', '--project=whole'])
  if (await isOlder(machineNode)) {
    console.log('\nThe libraries on the Node of this machine:')
    await runTests(machineNode, ['--project=inner', '--project=packed'])
  }
}

async function runTests(program, args) {
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', ...args]
  if ((await exitCodeOf(spawn(program, vitest, { cwd: root, stdio: 'inherit' }))) !== 0) process.exit(1)
}

async function isOlder(program) {
  return (
    (await exitCodeOf(spawn(program, ['-e', 'process.exit(process.versions.node < "24" ? 0 : 1)']))) === 0
  )
}
