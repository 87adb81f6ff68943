import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Operation } from './recorded-operations.ts'
import type { Tree, VolatileDisk } from './volatile-disk.ts'

/** A recording, and how to judge what is left of it when the power fails. */
export interface PowerLossOptions {
  /** The disk before the recording; made anew for each replay. */
  readonly disk: () => Promise<VolatileDisk>
  readonly operations: readonly Operation[]
  /** After so many operations the power fails for the first time. Default 0. */
  readonly from?: number
  /** Files at which no program looks. Default: none. */
  readonly isUnread?: (path: string) => boolean
  /** What a program finds in a folder that survived, in a word or two. */
  readonly examine: (folder: string) => Promise<string>
  /** Whether it may find that, after all that was said on stdout. */
  readonly isAllowed: (found: string, said: readonly string[]) => boolean
  /** What was examined already, here or in a replay before. */
  readonly examined?: Map<string, string>
  /** One violation is enough. Default `false`. */
  readonly isFirstEnough?: boolean
}

/** What the power losses of a recording came to. */
export interface PowerLosses {
  /** What may not be found, and after which operation the power failed. None, if all is well. */
  readonly violations: readonly string[]
  /** How many folders survived that differ. */
  readonly survivors: number
}

const MOST_AT_ONE_POINT = 20_000

/** Fails the power before the first operation and after each, with every loss that {@link VolatileDisk} knows of. */
export async function powerLosses(options: PowerLossOptions): Promise<PowerLosses> {
  const { operations, from = 0, examined = new Map<string, string>(), isUnread = () => false } = options
  const survivors = new Set<string>()
  const violations = new Set<string>()
  const said: string[] = []
  const disk = await options.disk()
  for (const [index, operation] of [undefined, ...operations].entries()) {
    if (operation?.kind === 'said') said.push(operation.line)
    if (operation !== undefined) disk.apply(operation)
    if (index < from) continue
    let count = 0
    for (const survivor of disk.survivors()) {
      count++
      if (count > MOST_AT_ONE_POINT) throw new Error(`too many combinations after ${describe(operation)}`)
      const tree = new Map([...survivor].filter(([path]) => !isUnread(path)))
      const key = keyOf(tree)
      survivors.add(key)
      const found = examined.get(key) ?? (await materialised(tree, options.examine))
      examined.set(key, found)
      if (!options.isAllowed(found, said)) violations.add(`after ${index} ${describe(operation)}: ${found}`)
      if (violations.size > 0 && options.isFirstEnough === true) break
    }
    if (violations.size > 0 && options.isFirstEnough === true) break
  }
  return { violations: [...violations], survivors: survivors.size }
}

/** Makes a tree a folder, for as long as something looks at it. */
export async function materialised<T>(tree: Tree, look: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'keyturn-survivor-'))
  try {
    await materialise(tree, folder)
    return await look(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Makes a tree in a folder that is there. */
export async function materialise(tree: Tree, folder: string): Promise<void> {
  // a tree tells a folder before what is in it
  for (const [path, { bytes }] of tree) {
    if (bytes === undefined) await mkdir(join(folder, path))
    else await writeFile(join(folder, path), bytes)
  }
  for (const [path, { mode }] of tree) await chmod(join(folder, path), mode)
}

function describe(operation: Operation | undefined): string {
  if (operation === undefined) return 'nothing'
  const { kind } = operation
  if (kind === 'said') return operation.line
  return 'path' in operation ? `${kind} ${operation.path}` : kind
}

function keyOf(tree: Tree): string {
  const hash = createHash('sha256')
  for (const [path, { mode, bytes }] of [...tree].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${path} ${mode} ${bytes?.length}\n`).update(bytes ?? '')
  }
  return hash.digest('hex')
}
