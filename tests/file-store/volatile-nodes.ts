/** What a file holds. */
export interface FileState {
  readonly bytes: Buffer
  readonly mode: number
}

/** A file, as programs see it and as it is on the disk for certain. */
export class FileNode {
  /** What is on the disk for certain. */
  synced: FileState
  mode: number
  bytes: Buffer
  /** What was written since. */
  written: { readonly from: number; readonly to: number }[] = []

  constructor(mode: number, bytes: Buffer) {
    this.mode = mode
    this.bytes = bytes
    // a file that was never synced may be empty, whatever is in it
    this.synced = { mode, bytes: Buffer.alloc(0) }
  }

  write(at: number, bytes: Buffer): void {
    const grown = Buffer.alloc(Math.max(this.bytes.length, at + bytes.length))
    this.bytes.copy(grown)
    bytes.copy(grown, at)
    this.bytes = grown
    this.written.push({ from: at, to: at + bytes.length })
  }

  sync(): void {
    this.synced = { mode: this.mode, bytes: this.bytes }
    this.written = []
  }

  /** What may be found after the power has failed: all, nothing, the length alone, or a part of what was not synced. */
  survivors(): readonly FileState[] {
    const contents = [this.bytes]
    if (!this.bytes.equals(this.synced.bytes)) {
      contents.push(this.synced.bytes, this.#without(this.written))
      const last = this.written.at(-1)
      if (last !== undefined) {
        contents.push(this.#without([{ ...last, from: (last.from + last.to) >> 1 }]))
        contents.push(this.#without(this.written.slice(0, 1)))
        contents.push(this.bytes.subarray(0, Math.max((last.from + last.to) >> 1, this.synced.bytes.length)))
      }
    }
    const modes = [...new Set([this.mode, this.synced.mode])]
    return modes.flatMap((mode) => contents.map((bytes) => ({ mode, bytes })))
  }

  /** The blocks of some writes are not what was written, but what was there, or nothing. */
  #without(writes: readonly { readonly from: number; readonly to: number }[]): Buffer {
    const bytes = Buffer.from(this.bytes)
    for (const { from, to } of writes) {
      const lost = bytes.subarray(from, to).fill(0)
      lost.set(this.synced.bytes.subarray(from, to).subarray(0, lost.length))
    }
    return bytes
  }
}

/** What is in a folder, by name. */
export type Entries = Map<string, FileNode | FolderNode>
/** What a folder holds. */
export interface FolderState {
  readonly mode: number
  readonly entries: Entries
}

type Change = (entries: Entries) => void

/** A folder, as programs see it and as it is on the disk for certain. */
export class FolderNode {
  #syncedMode: number
  mode: number
  readonly entries: Entries = new Map()
  readonly synced: Entries = new Map()
  /** Names that came and went since. */
  changes: Change[] = []

  constructor(mode: number) {
    this.mode = mode
    this.#syncedMode = mode
  }

  change(change: Change): void {
    change(this.entries)
    this.changes.push(change)
  }

  sync(): void {
    for (const change of this.changes) change(this.synced)
    this.changes = []
    this.#syncedMode = this.mode
  }

  /** Each change of a name may have reached the disk, whatever became of those before it; so may a change of the mode. */
  survivors(): readonly FolderState[] {
    const modes = [...new Set([this.mode, this.#syncedMode])]
    return Array.from({ length: 2 ** this.changes.length }, (_, chosen) => {
      const entries = new Map(this.synced)
      for (const [bit, change] of this.changes.entries()) if (((chosen >> bit) & 1) === 1) change(entries)
      return modes.map((mode) => ({ mode, entries }))
    }).flat()
  }
}

/** One surviving state for each node, in every combination. */
export function* choices<S, N extends { survivors(): readonly S[] }>(
  nodes: readonly N[],
): Generator<ReadonlyMap<N, S>> {
  const [first, ...others] = nodes
  if (first === undefined) {
    yield new Map()
    return
  }
  const states = first.survivors()
  for (const rest of choices<S, N>(others)) for (const state of states) yield new Map(rest).set(first, state)
}
