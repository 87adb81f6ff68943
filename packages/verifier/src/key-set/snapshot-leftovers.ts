import { basename, dirname, join } from 'node:path'

/** Of a write that is under way in another process nothing is taken away. */
const LEFT_AFTER_MS = 3600_000
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/

/** Where a file is written before it takes the place of the one at a path. */
export function temporaryOf(path: string, uuid: string): string {
  return `${path}.${uuid}.tmp`
}

/**
 * Removes what processes left beside a file that were killed while they wrote it. Best effort: never rejects, since what is left
 * costs a few kilobytes and nothing else.
 */
export async function removeLeftovers(path: string, nowMs: number): Promise<void> {
  const { lstat, readdir, unlink } = await import('node:fs/promises')
  const [folder, prefix] = [dirname(path), `${basename(path)}.`]
  const names = await readdir(folder).catch(() => [])
  const temporary = names.filter(
    (name) =>
      name.startsWith(prefix) &&
      name.endsWith('.tmp') &&
      UUID.test(name.slice(prefix.length, -'.tmp'.length)),
  )
  for (const name of temporary) {
    const file = join(folder, name)
    const stats = await lstat(file).catch(() => undefined)
    if (stats?.isFile() && nowMs - stats.mtimeMs > LEFT_AFTER_MS) await unlink(file).catch(() => {})
  }
}
