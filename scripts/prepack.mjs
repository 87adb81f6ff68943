import { readdirSync, rmSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { build, bundled, filesBelow, install, root } from './workspace.mjs'

/**
 * `prepack` of every package: what is packed is what the sources make now. Compiles what is missing, and takes away what a
 * source left behind that has gone.
 */

await install()
await build()
const folder = relative(root, process.cwd())
const made = new Set(
  filesBelow(join(folder, 'src'), '.ts').map((file) =>
    relative(join(folder, 'src'), file).slice(0, -'.ts'.length),
  ),
)
const dist = join(root, folder, 'dist')
// what is bundled is cleaned where it is made
const ofSource = bundled.includes(basename(folder)) ? /^(.*?)\.d\.ts$/ : /^(.*?)\.(?:js|js\.map|d\.ts)$/
for (const name of readdirSync(dist, { recursive: true })) {
  const source = ofSource.exec(name)?.[1]
  if (source !== undefined && !made.has(source)) rmSync(join(dist, name))
}
