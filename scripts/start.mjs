import { spawn } from 'node:child_process'
import { build, exitCodeOf, install, pinnedNode, root } from './workspace.mjs'

/** `npm start`: installs and compiles what is missing, then runs the authority with its data in ./data. */

await install()
await build()
const authority = spawn(pinnedNode, ['packages/keyturn/bin/keyturn.js', 'serve', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
})
// the terminal, or npm, tells both; whoever tells only this process means the authority
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => authority.kill(signal))
process.exitCode = await exitCodeOf(authority)
