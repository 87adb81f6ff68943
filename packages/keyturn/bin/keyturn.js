#!/usr/bin/env node
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
  fail('not_built', error.message, 'in a checkout, run: npm run build')
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
