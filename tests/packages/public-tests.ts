import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from '../document.ts'

/** A file that no tarball holds: a test, or what only tests use. */
export const OF_TESTS = /\.(?:test|fixture)\.ts$/

/**
 * The tests beside the sources of a bundled package that take of it only what its users can take, as paths from the root. The
 * others look inside, where a tarball has no door: they run on the sources.
 */
export function publicTests(name: string): readonly string[] {
  const folder = `packages/${name}/src`
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => join(folder, file))
    .filter((file) => staysOutside(file, name))
    .sort()
}

/** The entry point of a bundled package by which users get at what a module of it exports: its path below `dist`. */
export function entryOf(name: string, module: string): string {
  const { exports } = JSON.parse(read(`packages/${name}/package.json`)) as {
    exports: Record<string, { default: string }>
  }
  const isEntry = Object.values(exports).some((it) => it.default === `./dist/${module}.js`)
  return isEntry ? module : 'index'
}

/** Also by its fixtures. What is imported on the way may be anything of the module. */
function staysOutside(file: string, name: string): boolean {
  const text = read(file)
  if (/\bimport\('\./.test(text)) return false
  return importsOf(text).every(({ names, from }) => {
    const path = join(dirname(file), from)
    if (OF_TESTS.test(path)) return staysOutside(path, name)
    const known = namesOf(name, entryOf(name, path.slice(`packages/${name}/src/`.length, -'.ts'.length)))
    return names.every((one) => known.includes(one))
  })
}

/** Of modules of the same package, without types. */
function importsOf(text: string) {
  const statements = text.matchAll(/^import (?!type )\{([^}]*)\} from '(\..*)'$/gm)
  return [...statements].map(([, list = '', from = '']) => ({ names: valuesIn(list), from }))
}

/** What an entry point exports: `index.ts` re-exports by name, an adapter declares. */
function namesOf(name: string, entry: string): readonly string[] {
  const text = read(`packages/${name}/src/${entry}.ts`)
  const lists = [...text.matchAll(/^export \{([^}]*)\}/gm)].flatMap(([, list = '']) => valuesIn(list))
  const declared = [...text.matchAll(/^export (?:async )?(?:function|class|const) (\w+)/gm)]
  return [...lists, ...declared.map(([, one = '']) => one)]
}

function valuesIn(list: string): readonly string[] {
  const items = list.split(',').map((item) => item.trim())
  return items
    .filter((item) => item !== '' && !item.startsWith('type '))
    .map((item) => item.split(' ')[0] ?? '')
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}
