import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { bundled } from '../../scripts/workspace.mjs'
import { root } from '../document.ts'

/** The packages that service authors install; they have no third-party dependency. */
export const LIBRARIES = ['core', 'keyring', 'verifier', 'testing'] as const

/** Says whether a package is few files, made out of many sources. */
export const isBundled = (name: string) => bundled.some((it) => it === name)

/** Every published package, by its folder. */
export const PACKAGES = [...LIBRARIES, 'keyturn'] as const
export type PackageName = (typeof PACKAGES)[number]

/** What `npm publish` would send. */
export interface Tarball {
  readonly path: string
  readonly bytes: number
  /** Paths in the package. */
  readonly files: readonly string[]
}

/** What of a package's own description the tests go by. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly exports: Readonly<Record<string, { readonly types: string; readonly default: string }>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, unknown>>
  readonly [member: string]: unknown
}

export async function manifestOf(name: PackageName): Promise<Manifest> {
  return JSON.parse(await readFile(join(root, 'packages', name, 'package.json'), 'utf8'))
}

/** Packs packages into a folder, as `npm publish` would. */
export async function pack(
  names: readonly PackageName[],
  folder: string,
): Promise<ReadonlyMap<PackageName, Tarball>> {
  const workspaces = names.map((name) => `--workspace=packages/${name}`)
  const stdout = await npm(['pack', '--json', `--pack-destination=${folder}`, ...workspaces], root)
  const packed: { filename: string; size: number; files: { path: string }[] }[] = JSON.parse(stdout)
  return new Map(
    packed.map(({ filename, size, files }, index) => [
      names[index] as PackageName,
      { path: join(folder, filename), bytes: size, files: files.map(({ path }) => path) },
    ]),
  )
}

/** Installs tarballs in a folder, which becomes a project of its own; without the registry, as nothing else is needed. */
export async function installTarballs(
  tarballs: ReadonlyMap<PackageName, Tarball>,
  folder: string,
): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true }))
  const paths = [...tarballs.values()].map(({ path }) => path)
  await npm(['install', '--offline', '--ignore-scripts', ...paths], folder)
}

/** Runs npm to its end, for a minute at most, and gives what it prints. */
export async function npm(args: readonly string[], cwd: string): Promise<string> {
  const options = { cwd, timeout: 60_000 }
  const { stdout } = await promisify(execFile)('npm', [...args, '--no-audit', '--no-fund'], options)
  return stdout
}
