import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from '../document.ts'
import { LIBRARIES, manifestOf, PACKAGES, type PackageName, pack, type Tarball } from './packed.ts'

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

/** What is wrong for a resolution of TypeScript that we leave behind, and what is so on purpose. */
function isAccepted(problem: { readonly kind: string; readonly resolutionKind?: string }): boolean {
  // `moduleResolution: node10` knows no exports; TypeScript 6 deprecates it
  if (problem.kind === 'NoResolution' && problem.resolutionKind === 'node10') return true
  // every Node that we promise has require() of ES modules; consumers.test.ts does it
  return problem.kind === 'CJSResolvesToESM'
}

describe.each(PACKAGES)('the tarball of %s (R67)', (name) => {
  it('holds a module with types for every source, what it says of itself, and nothing else', async () => {
    const sources = (await readdir(join(root, 'packages', name, 'src'), { recursive: true })).filter(
      (file) => file.endsWith('.ts') && !/\.(?:test|fixture)\.ts$/.test(file),
    )
    // the verifier is to be small
    const kinds = name === 'verifier' ? ['js', 'd.ts'] : ['js', 'js.map', 'd.ts']
    const made = sources.flatMap((file) => kinds.map((it) => `dist/${file.slice(0, -2)}${it}`))
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
