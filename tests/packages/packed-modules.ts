import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import type { Plugin } from 'vitest/config'
import { root } from '../document.ts'
import { installTarballs, isBundled, LIBRARIES, manifestOf, pack } from './packed.ts'
import { entryOf, OF_TESTS } from './public-tests.ts'

const OF_A_PACKAGE = /^packages\/([^/]+)\/src\/(.+)\.ts$/

/**
 * Has the tests beside the sources run against the packages that the tarballs hold, installed in a folder of their own: only
 * tests and their fixtures are read from the checkout, and a module that a tarball lacks is missing here too. What a test
 * takes of a bundled package comes through the entry point that has it.
 */
export function packedModules(): Plugin {
  let place: Promise<string> | undefined
  return {
    name: 'packed-modules',
    enforce: 'pre',
    async resolveId(source, importer) {
      if (importer?.includes('/node_modules/@keyturn/') && (await peers()).has(source)) {
        return await this.resolve(source, join(root, 'package.json'), { skipSelf: true })
      }
      if (importer === undefined || !OF_TESTS.test(importer)) return null
      if (source.startsWith('@keyturn/')) {
        place ??= installed()
        const found = await this.resolve(source, join(await place, 'package.json'), { skipSelf: true })
        return found ?? this.error(`no tarball exports ${source}`)
      }
      const path = resolve(dirname(importer), source)
      if (!source.startsWith('.') || OF_TESTS.test(path)) return null
      place ??= installed()
      const [, name = '', module = ''] = OF_A_PACKAGE.exec(relative(root, path)) ?? []
      const file = isBundled(name) ? entryOf(name, module) : module
      return join(await place, 'node_modules/@keyturn', name, 'dist', `${file}.js`)
    },
    load(id) {
      if (OF_A_PACKAGE.test(relative(root, id)) && !OF_TESTS.test(id)) this.error(`${id} is in no tarball`)
      return null
    },
    async closeBundle() {
      if (place !== undefined) await rm(await place, { recursive: true, force: true })
    },
  }
}

/** What a user installs beside a library who wants the part that needs it; the checkout has all of them. */
async function peers(): Promise<ReadonlySet<string>> {
  const manifests = await Promise.all(LIBRARIES.map(manifestOf))
  return new Set(manifests.flatMap(({ peerDependencies = {} }) => Object.keys(peerDependencies)))
}

async function installed(): Promise<string> {
  const place = await mkdtemp(join(tmpdir(), 'keyturn-packed-'))
  await installTarballs(await pack(LIBRARIES, place), place)
  return place
}
