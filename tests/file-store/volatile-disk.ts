import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Operation } from './recorded-operations.ts'
import { choices, FileNode, type FileState, FolderNode, type FolderState } from './volatile-nodes.ts'

/** What is in a folder: by path, a file with its bytes, or a folder. */
export type Tree = ReadonlyMap<string, { readonly mode: number; readonly bytes: Buffer | undefined }>

/**
 * A file system that keeps no promise which POSIX does not make: data that was not synced may be lost or torn, and a name that was
 * made, taken away or changed is so for certain only once its folder was synced.
 */
export class VolatileDisk {
  readonly #root = new FolderNode(0o755)
  readonly #handles = new Map<number, { readonly node: FileNode | FolderNode; position: number }>()
  readonly #umask: number

  constructor(umask = 0o022) {
    this.#umask = umask
  }

  /** A disk that holds what is in a folder, all of it synced. */
  static async of(folder: string, umask?: number): Promise<VolatileDisk> {
    const disk = new VolatileDisk(umask)
    const names = await readdir(folder, { recursive: true }).catch(() => [])
    for (const path of names.sort()) {
      const { mode } = await stat(join(folder, path))
      const isFile = (await stat(join(folder, path))).isFile()
      const node = isFile
        ? new FileNode(mode & 0o777, await readFile(join(folder, path)))
        : new FolderNode(mode & 0o777)
      node.sync()
      disk.#folder(dirname(path)).entries.set(basename(path), node)
      disk.#folder(dirname(path)).synced.set(basename(path), node)
    }
    return disk
  }

  apply(operation: Operation): void {
    switch (operation.kind) {
      case 'open': {
        const { handle, path, mode } = operation
        if (mode !== undefined && this.#find(path) === undefined) {
          this.#put(path, new FileNode(mode & ~this.#umask, Buffer.alloc(0)))
        }
        const node = this.#find(path)
        if (node !== undefined) this.#handles.set(handle, { node, position: 0 })
        return
      }
      case 'write': {
        const open = this.#handles.get(operation.handle)
        if (!(open?.node instanceof FileNode)) throw new Error('expected an open file')
        const at = operation.at ?? open.position
        open.node.write(at, operation.bytes)
        if (operation.at === undefined) open.position += operation.bytes.length
        return
      }
      case 'truncate': {
        const node = this.#handles.get(operation.handle)?.node
        if (!(node instanceof FileNode)) throw new Error('expected an open file')
        const bytes = Buffer.alloc(operation.length)
        node.bytes.copy(bytes)
        node.bytes = bytes
        return
      }
      case 'sync':
        this.#handles.get(operation.handle)?.node.sync()
        return
      case 'chmod': {
        const node = this.#find(operation.path)
        if (node !== undefined) node.mode = operation.mode
        return
      }
      case 'mkdir':
        this.#put(operation.path, new FolderNode(operation.mode & ~this.#umask))
        return
      case 'link':
      case 'rename':
        this.#move(operation)
        return
      case 'unlink': {
        const name = basename(operation.path)
        this.#folder(dirname(operation.path)).change((entries) => entries.delete(name))
        return
      }
      case 'said':
    }
  }

  /** What programs see while the power is on. */
  visible(): Tree {
    return treeOf(
      this.#root,
      (folder) => folder,
      (file) => file,
    )
  }

  /** What may be found after the power has failed now, in every combination. */
  *survivors(): Generator<Tree> {
    const folders = [...nodesBelow(this.#root, everSeen)].filter((node) => node instanceof FolderNode)
    for (const chosen of choices<FolderState, FolderNode>(folders)) {
      const stateOf = (folder: FolderNode) => chosen.get(folder) ?? folder
      const files = [...nodesBelow(this.#root, stateOf)].filter((node) => node instanceof FileNode)
      for (const kept of choices<FileState, FileNode>(files))
        yield treeOf(this.#root, stateOf, (file) => kept.get(file) ?? file)
    }
  }

  #find(path: string): FileNode | FolderNode | undefined {
    let node: FileNode | FolderNode | undefined = this.#root
    for (const name of path.split('/').filter((it) => it !== '' && it !== '.')) {
      node = node instanceof FolderNode ? node.entries.get(name) : undefined
    }
    return node
  }

  #folder(path: string): FolderNode {
    const node = this.#find(path)
    if (!(node instanceof FolderNode)) throw new Error(`expected a folder ${path}`)
    return node
  }

  #put(path: string, node: FileNode | FolderNode): void {
    this.#folder(dirname(path)).change((entries) => entries.set(basename(path), node))
  }

  #move({ kind, path, to }: { kind: 'link' | 'rename'; path: string; to: string }): void {
    const node = this.#find(path)
    if (node === undefined || dirname(path) !== dirname(to)) throw new Error(`expected ${path} beside ${to}`)
    this.#folder(dirname(path)).change((entries) => {
      entries.set(basename(to), node)
      if (kind === 'rename') entries.delete(basename(path))
    })
  }
}

/** Also what is on its way out of the folder. */
function everSeen({ mode, synced, entries }: FolderNode): FolderState {
  return { mode, entries: new Map([...synced, ...entries]) }
}

function* nodesBelow(
  folder: FolderNode,
  stateOf: (folder: FolderNode) => FolderState,
): Generator<FileNode | FolderNode> {
  yield folder
  for (const node of new Set(stateOf(folder).entries.values())) {
    if (node instanceof FolderNode) yield* nodesBelow(node, stateOf)
    else yield node
  }
}

function treeOf(
  root: FolderNode,
  folderState: (folder: FolderNode) => FolderState,
  fileState: (file: FileNode) => FileState,
): Tree {
  const tree = new Map<string, { readonly mode: number; readonly bytes: Buffer | undefined }>()
  const walk = (folder: FolderNode, path: string) => {
    for (const [name, node] of folderState(folder).entries) {
      const below = join(path, name)
      if (node instanceof FileNode) {
        const { mode, bytes } = fileState(node)
        tree.set(below, { mode, bytes })
      } else {
        tree.set(below, { mode: folderState(node).mode, bytes: undefined })
        walk(node, below)
      }
    }
  }
  walk(root, '')
  return tree
}
