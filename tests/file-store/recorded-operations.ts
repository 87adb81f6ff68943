import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { relative } from 'node:path'

/** What a program did to files below a folder, in the order in which it was done. Paths are relative to that folder. */
export type Operation =
  | {
      readonly kind: 'open'
      readonly handle: number
      readonly path: string
      readonly mode: number | undefined
    }
  | {
      readonly kind: 'write'
      readonly handle: number
      readonly bytes: Buffer
      readonly at: number | undefined
    }
  | { readonly kind: 'truncate'; readonly handle: number; readonly length: number }
  | { readonly kind: 'sync'; readonly handle: number; readonly path: string }
  | { readonly kind: 'chmod'; readonly path: string; readonly mode: number }
  | { readonly kind: 'mkdir'; readonly path: string; readonly mode: number }
  | { readonly kind: 'link' | 'rename'; readonly path: string; readonly to: string }
  | { readonly kind: 'unlink'; readonly path: string }
  /** A line on stdout: what was promised to whoever listens. */
  | { readonly kind: 'said'; readonly line: string }

const TRACED =
  'openat,close,write,pwrite64,ftruncate,fsync,fdatasync,chmod,fchmod,mkdir,link,rename,unlink,' +
  // none of these is used; one that is would have to be understood here
  'creat,writev,pwritev,truncate,fallocate,linkat,renameat,renameat2,unlinkat,rmdir,mkdirat,symlink,copy_file_range'
const LONGEST_STRING = 1 << 20

/** What is to be recorded. */
export interface Program {
  readonly command: readonly string[]
  /** Where it works. */
  readonly root: string
  readonly trace: string
  readonly umask?: number
  /** Its first line is JSON with its `pid`, and it ends once it is told to. Default `false`: it ends by itself. */
  readonly isServer?: boolean
  readonly env?: Readonly<Record<string, string>>
}

/** Runs a program under strace to its end. */
export async function record(program: Program): Promise<readonly Operation[]> {
  const { command, root, trace, umask = 0o022, isServer = false, env = {} } = program
  const shell = ['sh', '-c', `umask ${umask.toString(8)} && exec "$@"`, 'sh', ...command]
  const args = ['-f', '-xx', '-s', String(LONGEST_STRING), '-o', trace, '-e', `trace=${TRACED}`, ...shell]
  await new Promise<void>((resolve, reject) => {
    const options = { env: { ...process.env, ...env, UV_USE_IO_URING: '0' } }
    const child = execFile('strace', args, options, (error, _stdout, stderr) =>
      error === null || isServer ? resolve() : reject(new Error(`${error.message}\n${stderr}`)),
    )
    if (isServer) child.stdout?.once('data', (line) => process.kill(JSON.parse(line).pid))
  })
  return operationsOf(await readFile(trace, 'latin1'), root)
}

/** Those below one folder, with paths relative to that. */
export function below(folder: string, operations: readonly Operation[]): readonly Operation[] {
  const handles = new Set<number>()
  const inside = (path: string) => path === folder || path.startsWith(`${folder}/`)
  const rebased = (path: string) => relative(folder, path)
  return operations.flatMap((operation): Operation[] => {
    if (operation.kind === 'said') return []
    if (!('path' in operation)) return handles.has(operation.handle) ? [operation] : []
    if (!inside(operation.path)) return []
    if (operation.kind === 'open') handles.add(operation.handle)
    const path = rebased(operation.path)
    return ['to' in operation ? { ...operation, path, to: rebased(operation.to) } : { ...operation, path }]
  })
}

interface Call {
  readonly name: string
  readonly args: readonly string[]
  readonly result: number
}

function operationsOf(trace: string, root: string): readonly Operation[] {
  const opened = new Map<number, { readonly handle: number; readonly path: string }>()
  const operations: Operation[] = []
  let handles = 0
  for (const { name, args, result } of callsOf(trace)) {
    const [first = '', second = '', third = '', fourth = ''] = args
    if (name === 'close') opened.delete(Number(first))
    if (result < 0) continue
    const file = opened.get(Number(first))
    const path = pathOf(first, root)
    if (name === 'openat') {
      opened.delete(result)
      const below = pathOf(second, root)
      if (below === undefined) continue
      if (third.includes('O_TRUNC') || third.includes('O_APPEND')) throw new Error(`not understood: ${third}`)
      handles++
      opened.set(result, { handle: handles, path: below })
      const mode = third.includes('O_CREAT') ? Number.parseInt(fourth, 8) : undefined
      operations.push({ kind: 'open', handle: handles, path: below, mode })
    } else if (name === 'write' && first === '1') {
      operations.push({ kind: 'said', line: bytesOf(second).toString().trim() })
    } else if (name === 'mkdir' && path !== undefined) {
      operations.push({ kind: 'mkdir', path, mode: Number.parseInt(second, 8) })
    } else if (name === 'chmod' && path !== undefined) {
      operations.push({ kind: 'chmod', path, mode: Number.parseInt(second, 8) })
    } else if ((name === 'link' || name === 'rename') && path !== undefined) {
      operations.push({ kind: name, path, to: pathOf(second, root) ?? '' })
    } else if (name === 'unlink' && path !== undefined) {
      operations.push({ kind: 'unlink', path })
    } else if (file !== undefined) {
      const operation = ofHandle(name, args, file)
      if (operation !== undefined) operations.push(operation)
    } else if (path !== undefined) {
      throw new Error(`not understood: ${name} ${path}`)
    }
  }
  return operations
}

function ofHandle(
  name: string,
  args: readonly string[],
  { handle, path }: { readonly handle: number; readonly path: string },
): Operation | undefined {
  const [, second = '', , fourth = ''] = args
  if (name === 'close') return undefined
  if (name === 'write') return { kind: 'write', handle, bytes: bytesOf(second), at: undefined }
  if (name === 'pwrite64') return { kind: 'write', handle, bytes: bytesOf(second), at: Number(fourth) }
  if (name === 'ftruncate') return { kind: 'truncate', handle, length: Number(second) }
  if (name === 'fsync' || name === 'fdatasync') return { kind: 'sync', handle, path }
  if (name === 'fchmod') return { kind: 'chmod', path, mode: Number.parseInt(second, 8) }
  throw new Error(`not understood: ${name} of ${path}`)
}

/** A call counts when it has ended; but a descriptor is free from the moment in which its closing begins. */
function* callsOf(trace: string): Generator<Call> {
  const begun = new Map<string, string>()
  for (const line of trace.split('\n')) {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
    const unfinished = /^(.*) <unfinished \.\.\.>$/.exec(rest)?.[1]
    if (unfinished !== undefined) {
      const closed = /^close\((\d+)/.exec(unfinished)?.[1]
      if (closed === undefined) begun.set(thread, unfinished)
      else yield { name: 'close', args: [closed], result: 0 }
      continue
    }
    const resumed = /^<\.\.\. (\w+) resumed>(.*)$/.exec(rest)
    if (resumed?.[1] === 'close') continue
    const whole = resumed === null ? rest : `${begun.get(thread) ?? ''}${resumed[2]}`
    const [, name, args = '', result] = /^(\w+)\((.*)\) += (-?\d+)/.exec(whole) ?? []
    if (name !== undefined) yield { name, args: args.split(', '), result: Number(result) }
  }
}

function bytesOf(literal: string): Buffer {
  if (!/^"(\\x[0-9a-f]{2})*"$/.test(literal)) throw new Error('expected a string in hexadecimal, whole')
  return Buffer.from(literal.slice(1, -1).replaceAll('\\x', ''), 'hex')
}

function pathOf(literal: string, root: string): string | undefined {
  if (!literal.startsWith('"\\x2f')) return undefined
  const path = relative(root, bytesOf(literal).toString())
  return path.startsWith('..') ? undefined : path
}
