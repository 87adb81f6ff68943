import { install, node } from './workspace.mjs'

/** `npm run format`: installs what is missing, mends format and lint. */

await install()
await node(['node_modules/@biomejs/biome/bin/biome', 'check', '--write', ...process.argv.slice(2), '.'])
