import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, sep } from 'node:path'
import { build } from 'rolldown'
import { bundled, root } from './workspace.mjs'

/**
 * Makes the code of the packages that services import out of their sources: few files, since each costs what imports it
 * time (docs/adr/0029). Their types are what the compiler has made before.
 */

for (const name of bundled) {
  const folder = join(root, 'packages', name)
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const entries = Object.values(exports).map((it) => it.default.slice('./dist/'.length, -'.js'.length))
  const others = entries.filter((entry) => entry !== 'index')
  // the main entry is one file, and so has for itself what the others share in further ones
  const made = await filesOf(folder, ['index'])
  if (others.length > 0) made.push(...(await filesOf(folder, others)))
  for (const file of readdirSync(join(folder, 'dist'), { recursive: true })) {
    if (/\.js(\.map)?$/.test(file) && !made.includes(file.replaceAll(sep, '/')))
      rmSync(join(folder, 'dist', file))
  }
}

/** Writes the files of these entry points, and names them. */
async function filesOf(folder, entries) {
  const { output } = await build({
    cwd: root,
    input: Object.fromEntries(entries.map((entry) => [entry, join(folder, 'src', `${entry}.ts`)])),
    platform: 'node',
    // core stays a package of its own: its errors are to be of one class, whoever throws them
    external: /^(node:|@keyturn\/)/,
    transform: { target: 'node20.19' },
    output: {
      dir: join(folder, 'dist'),
      chunkFileNames: 'shared/[name].js',
      minifyInternalExports: false,
      // the types have them, for editors; here each import would read them
      comments: { legal: false, jsdoc: false, annotation: true },
    },
    logLevel: 'warn',
  })
  return output.map(({ fileName }) => fileName)
}
