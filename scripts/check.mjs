import { build, install, node } from './workspace.mjs'

/** `npm run check`: format, lint, types, import boundaries, requirement ids, generated reference. What CI runs before the tests. */

await install()
await node(['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.'])
await build()
await node(['node_modules/typescript/bin/tsc', '-b'])
await node([
  'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs',
  '--config',
  'import-boundaries.mjs',
  'packages',
  'tests',
  'bench',
])
await node(['scripts/trace.mjs', '--quiet'])
await node(['scripts/reference.mjs', '--check'])
