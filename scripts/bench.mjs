import { build, install, node } from './workspace.mjs'

/** `npm run bench`: installs and compiles what is missing, then measures; see bench/main.ts. */

await install()
await build()
await node(['bench/main.ts', ...process.argv.slice(2)])
