#!/usr/bin/env node
import { existsSync } from 'node:fs'

const [major] = process.versions.node.split('.')
if (Number(major) < 24) {
  fail(
    'node_too_old',
    `expected Node.js 24 or newer, this is ${process.versions.node}`,
    'install a newer one, from https://nodejs.org or with the package manager of this machine',
  )
}
const { main } = await import('../dist/cli/main.js').catch((error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
  // a checkout has its sources, and a package has not
  if (existsSync(new URL('../src', import.meta.url))) fail('not_built', error.message, 'run: npm run build')
  fail('package_incomplete', error.message, 'install the package again, with all that it depends on')
})
await main()

/** As every command says it, but without a module that may not load. */
function fail(code, message, remedy) {
  const error = process.argv.includes('--json')
    ? JSON.stringify({ error: { code, message, remedy } })
    : `keyturn: ${code}: ${message} - ${remedy}`
  console.error(error)
  process.exit(1)
}
