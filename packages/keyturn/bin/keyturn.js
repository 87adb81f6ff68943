#!/usr/bin/env node
const [major] = process.versions.node.split('.')
if (Number(major) < 24) {
  console.error(`keyturn: node_too_old: expected Node 24 or newer, this is ${process.versions.node}`)
  process.exit(1)
}
const { main } = await import('../dist/cli/main.js').catch((error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
  console.error(`keyturn: not_built: ${error.message} - in a checkout, run: npm run build`)
  process.exit(1)
})
await main()
