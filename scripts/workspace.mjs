import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What every script here starts from: runs on whatever Node the machine has, and hands over to the pinned one. */

/** The root of the checkout. */
export const root = fileURLToPath(new URL('..', import.meta.url))

/** The Node that package.json pins. */
export const pinnedNode = join(root, 'node_modules/node/bin/node')

/** The Node that runs npm: the machine's own. */
export const machineNode = process.env.npm_node_execpath ?? process.execPath

/** The packages, dependencies first. */
export const packages = ['core', 'keyring', 'verifier', 'testing', 'keyturn']

const BUILT = join(root, 'node_modules/.cache/keyturn-built')
/** What is said on the way goes to stderr: stdout belongs to what is started afterwards. */
const TALK = { stdio: ['ignore', 2, 2] }

/** Those of which few files are made out of many sources, because every service imports them. */
export const bundled = ['core', 'verifier']

/** Installs what package-lock.json names, unless that has been done. */
export async function install() {
  const installed = join(root, 'node_modules/.package-lock.json')
  if (existsSync(pinnedNode) && modifiedAt(installed) >= modifiedAt(join(root, 'package-lock.json'))) return
  console.error('installing what package-lock.json names …')
  const npm = process.env.npm_execpath
  const [program, first] = npm === undefined ? ['npm', []] : [machineNode, [npm]]
  await run(program, [...first, 'ci', '--loglevel=error'], TALK)
}

/** Compiles the packages, unless no source is newer than the last time. */
export async function build() {
  const isCurrent = packages.every((name) => existsSync(join(root, 'packages', name, 'dist')))
  if (isCurrent && newestInput() < modifiedAt(BUILT)) return
  console.error('compiling …')
  const startedAt = new Date()
  await node(['node_modules/typescript/bin/tsc', '-b', ...packages.map((name) => `packages/${name}`)], TALK)
  await node(['scripts/bundle.mjs'], TALK)
  mkdirSync(join(root, 'node_modules/.cache'), { recursive: true })
  writeFileSync(BUILT, '')
  utimesSync(BUILT, startedAt, startedAt)
}

/** Runs a script on the pinned Node, to its end. */
export async function node(args, options = {}) {
  await run(pinnedNode, args, options)
}

/** Runs a program in the root, and ends this process as it ended when that was not well. */
export async function run(program, args, options = {}) {
  const code = await exitCodeOf(spawn(program, args, { cwd: root, stdio: 'inherit', ...options }))
  if (code !== 0) process.exit(code)
}

/** Resolves when a child ends: its exit code, or 1 when a signal or a failed start ended it. */
export function exitCodeOf(child) {
  return new Promise((resolve) => {
    child.on('error', (error) => {
      console.error(error.message)
      resolve(1)
    })
    child.on('exit', (code) => resolve(code ?? 1))
  })
}

/** Files below a folder of the root whose names end so, as paths from the root. */
export function filesBelow(folder, ending) {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { recursive: true })
    .filter((name) => name.endsWith(ending) && !/(^|\/)(node_modules|dist)\//.test(name))
    .map((name) => join(folder, name))
}

function newestInput() {
  const settings = packages.flatMap((name) =>
    ['package.json', 'tsconfig.json'].map((file) => `packages/${name}/${file}`),
  )
  const inputs = [
    ...settings,
    'tsconfig.base.json',
    'scripts/bundle.mjs',
    ...packages.flatMap((name) => filesBelow(`packages/${name}/src`, '.ts')),
  ]
  return Math.max(...inputs.map((file) => modifiedAt(join(root, file))))
}

function modifiedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
