import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { chown, mkdir, rm, statfs, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** A user who owns what the tests give him, and nothing else. */
export const NOBODY = 65534

const PAGE = 4096
/** SQLite lets its log grow to a thousand pages. */
const PAGES = 4096
const INODES = 200
const BALLAST = 'ballast'
const ATTEMPTS = 200
const PAUSE_MS = 20

/** A disk of 16 MiB in memory, which belongs to {@link NOBODY} and can be filled to the last page. */
export class SmallDisk {
  readonly path: string
  readonly #mounts: string[] = []

  private constructor(path: string) {
    this.path = path
  }

  static async mount(path: string): Promise<SmallDisk> {
    await mkdir(path)
    const disk = new SmallDisk(path)
    const options = `size=${PAGES * PAGE},nr_inodes=${INODES},mode=0700,uid=${NOBODY},gid=${NOBODY}`
    disk.#mount(path, '-t', 'tmpfs', '-o', options, 'tmpfs')
    await mkdir(join(path, BALLAST))
    return disk
  }

  /** Leaves so many pages and inodes free. */
  async fill({ pages, inodes = 1000 }: { readonly pages: number; readonly inodes?: number }): Promise<void> {
    await writeFile(join(this.path, BALLAST, 'inode'), '')
    const { ffree } = await statfs(this.path)
    for (let index = 0; index < ffree - inodes; index++) {
      await writeFile(join(this.path, BALLAST, String(index)), '')
    }
    const { bavail } = await statfs(this.path)
    await writeFile(join(this.path, BALLAST, 'inode'), Buffer.alloc(Math.max(0, bavail - pages) * PAGE))
  }

  async empty(): Promise<void> {
    await truncate(join(this.path, BALLAST, 'inode')).catch(() => {})
    await rm(join(this.path, BALLAST), { recursive: true })
    await mkdir(join(this.path, BALLAST))
  }

  /** Makes a folder of the disk a volume of its own, mounted where `path` says. */
  async mountFolder(folder: string, path: string): Promise<void> {
    for (const one of [join(this.path, folder), path]) {
      await mkdir(one, { recursive: true, mode: 0o700 })
      await chown(one, NOBODY, NOBODY)
    }
    this.#mount(path, '--bind', join(this.path, folder))
  }

  /** Waits for a moment in which nobody writes there. */
  async setReadOnly(path: string, isReadOnly: boolean): Promise<void> {
    const args = ['-o', `remount,bind,${isReadOnly ? 'ro' : 'rw'}`, path]
    for (let attempt = 1; ; attempt++) {
      try {
        execFileSync('mount', args, { stdio: 'ignore' })
        return
      } catch (error) {
        if (attempt === ATTEMPTS) throw error
        await sleep(PAUSE_MS)
      }
    }
  }

  /** Also while somebody is looking at it. */
  unmount(path: string): void {
    execFileSync('umount', ['--lazy', path])
    this.#mounts.splice(this.#mounts.indexOf(path), 1)
  }

  /** Leaves nothing mounted. */
  remove(): void {
    for (const path of this.#mounts.toReversed()) this.unmount(path)
  }

  #mount(path: string, ...args: readonly string[]): void {
    execFileSync('mount', [...args, path], { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#mounts.push(path)
  }
}

/**
 * Whether a disk can be mounted here, and used by {@link NOBODY}. Where it cannot, says which tests are skipped; in CI they are
 * not skipped, and fail.
 */
export function canMount(what: string): boolean {
  const path = mkdtempSync(join(tmpdir(), 'keyturn-mount-'))
  const self = fileURLToPath(import.meta.url)
  try {
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', path], { stdio: 'ignore' })
    execFileSync('umount', [path])
    execFileSync(process.execPath, ['--check', self], { uid: NOBODY, gid: NOBODY, stdio: 'ignore' })
    return true
  } catch {
    if (process.env.CI === 'true') return true
    console.warn(`SKIPPED: ${what}, for want of root, of mount, or of a checkout that every user can read`)
    return false
  } finally {
    rmdirSync(path)
  }
}
