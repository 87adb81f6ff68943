import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundled } from '../../scripts/workspace.mjs'
import { root } from '../document.ts'
import { isBundled, LIBRARIES, manifestOf, PACKAGES, type PackageName, pack, type Tarball } from './packed.ts'
import { OF_TESTS, publicTests } from './public-tests.ts'

let folder: string
let tarballs: ReadonlyMap<PackageName, Tarball>
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyturn-tarballs-'))
  tarballs = await pack(PACKAGES, folder)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const tarballOf = (name: PackageName) => tarballs.get(name) as Tarball
const bytesOf = async (name: PackageName) => new Uint8Array(await readFile(tarballOf(name).path))
const textOf = (path: string) => readFile(join(root, path), 'utf8')

/** The files that an entry point loads, and those that it may load later. */
async function filesOf(name: PackageName, entry: string): Promise<readonly string[]> {
  const files = new Set([entry])
  for (const file of files) {
    const imports = (await textOf(`packages/${name}/${file}`)).matchAll(
      /(?:\bfrom|\bimport\(|^import) ?"(\..*?)"/gm,
    )
    for (const [, path = ''] of imports) files.add(join(dirname(file), path))
  }
  return [...files]
}

/** The files of all entry points. */
async function codeOf(name: PackageName): Promise<readonly string[]> {
  const entries = Object.values((await manifestOf(name)).exports).map((it) => it.default.replace('./', ''))
  return [...new Set((await Promise.all(entries.map((entry) => filesOf(name, entry)))).flat())]
}

/** What is wrong for a resolution of TypeScript that we leave behind, and what is so on purpose. */
function isAccepted(problem: { readonly kind: string; readonly resolutionKind?: string }): boolean {
  // `moduleResolution: node10` knows no exports; TypeScript 6 deprecates it
  if (problem.kind === 'NoResolution' && problem.resolutionKind === 'node10') return true
  // every Node that we promise has require() of ES modules; consumers.test.ts does it
  return problem.kind === 'CJSResolvesToESM'
}

describe.each(PACKAGES)('the tarball of %s (R67)', (name) => {
  it('holds its code, types for every source, what it says of itself, and nothing else', async () => {
    const sources = (await readdir(join(root, 'packages', name, 'src'), { recursive: true })).filter(
      (file) => file.endsWith('.ts') && !OF_TESTS.test(file),
    )
    const kinds = isBundled(name) ? ['d.ts'] : ['js', 'js.map', 'd.ts']
    const made = sources.flatMap((file) => kinds.map((it) => `dist/${file.slice(0, -2)}${it}`))
    if (isBundled(name)) made.push(...(await codeOf(name)))
    const others = ['LICENSE', 'README.md', 'package.json', ...(name === 'keyturn' ? ['bin/keyturn.js'] : [])]
    expect([...tarballOf(name).files].sort()).toEqual([...made, ...others].sort())
  })

  it('has maps that need no source beside them', async () => {
    for (const path of tarballOf(name).files.filter((file) => file.endsWith('.map'))) {
      const { sourcesContent } = JSON.parse(await textOf(`packages/${name}/${path}`))
      expect(sourcesContent, path).toEqual([expect.any(String)])
    }
  })

  it('has nothing that publint knows to be wrong', async () => {
    const { buffer } = await bytesOf(name)
    const { messages } = await publint({ strict: true, pack: { tarball: buffer } })
    expect(messages).toEqual([])
  })

  it('has types that are right in every resolution of TypeScript', async () => {
    const result = await checkPackage(createPackageFromTarballData(await bytesOf(name)))
    expect(result.types).toMatchObject({ kind: 'included' })
    expect('problems' in result && result.problems.filter((it) => !isAccepted(it))).toEqual([])
  })

  it('comes under the licence of the whole', async () => {
    expect(await textOf(`packages/${name}/LICENSE`)).toBe(await textOf('LICENSE'))
  })

  it('has a README whose links lead somewhere in the checkout', async () => {
    const page = `packages/${name}/README.md`
    for (const [, link = ''] of (await textOf(page)).matchAll(/\]\(([^)#]+)/g)) {
      await expect(textOf(join(dirname(page), link)), link).resolves.toBeDefined()
    }
  })

  it('asks for the very version of the packages that it was made with', async () => {
    const { version, dependencies = {} } = await manifestOf(name)
    for (const sibling of PACKAGES) {
      const { name: siblingName, version: siblingVersion } = await manifestOf(sibling)
      expect(siblingVersion).toBe(version)
      expect([undefined, version]).toContain(dependencies[siblingName])
    }
  })
})

describe.each(bundled)('the code of %s (R67)', (name) => {
  it('is one file for who imports the package', async () => {
    expect(await filesOf(name, 'dist/index.js')).toEqual(['dist/index.js'])
  })

  it('declares each class once, so that instanceof holds whatever somebody imports', async () => {
    const texts = await Promise.all((await codeOf(name)).map((file) => textOf(`packages/${name}/${file}`)))
    const classes = texts.flatMap(
      (text) => text.match(/(?<=\bclass )\w+(?= (?:extends|\{))|\w+(?= = class\b)/g) ?? [],
    )
    expect(classes).toContain(name === 'core' ? 'TokenRejected' : 'Verifier')
    expect(classes).toEqual([...new Set(classes)])
  })

  it('keeps the names of its functions, for who reads a stack', async () => {
    const text = await textOf(`packages/${name}/dist/index.js`)
    const entry = await textOf(`packages/${name}/src/index.ts`)
    const names = [...entry.matchAll(/\b(?:assert|parse|create|decode|authenticate)\w+/g)].map(([one]) => one)
    expect(names.length).toBeGreaterThan(2)
    for (const one of names) expect(text).toMatch(new RegExp(`function ${one}\\(`))
  })

  it('is tested by what comes in through each of its entry points', async () => {
    const tests = await Promise.all(publicTests(name).map(textOf))
    const imported = tests.join('\n')
    const { exports } = await manifestOf(name)
    for (const entry of Object.keys(exports).filter((it) => it !== '.')) {
      expect(imported).toContain(` from '${entry}.ts'`)
    }
    expect(tests.length).toBeGreaterThan(15)
  })
})

describe('the libraries (R33, R67)', () => {
  it.each(LIBRARIES)('%s promises Node.js 20.19, and depends on no third party', async (name) => {
    const { engines, sideEffects, dependencies = {}, ...manifest } = await manifestOf(name)
    const { peerDependencies = {}, peerDependenciesMeta = {} } = manifest
    expect({ engines, sideEffects }).toEqual({ engines: { node: '>=20.19' }, sideEffects: false })
    expect(Object.keys(dependencies).filter((it) => !it.startsWith('@keyturn/'))).toEqual([])
    for (const peer of Object.keys(peerDependencies)) {
      expect(peerDependenciesMeta[peer]).toEqual({ optional: true })
    }
  })

  it('have a verifier of less than 60 KB with its types', () => {
    expect(tarballOf('verifier').bytes).toBeLessThan(60_000)
  })
})
