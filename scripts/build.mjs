import { build, install, node } from './workspace.mjs'

/** `npm run build`: installs what is missing, compiles the packages and checks the types of the tests. */

await install()
await build()
await node(['node_modules/typescript/bin/tsc', '-b', ...process.argv.slice(2)])
