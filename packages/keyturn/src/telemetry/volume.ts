import { statfs } from 'node:fs/promises'
import { type Clock, LATE, orLate, systemClock } from '@keyturn/core'

/** How full the volume of a folder is. */
export interface Volume {
  /** Between 0 and 1; NaN where it cannot be told, or not in time. Never rejects. */
  usedRatio(): Promise<number>
}

/** How much of a file system there is, and is left (statvfs). */
interface Blocks {
  readonly blocks: number
  readonly bavail: number
}

/** What a test puts in the place of the machine. */
export interface VolumeOptions {
  readonly clock?: Clock
  readonly look?: (folder: string) => Promise<Blocks>
}

const LONGEST_LOOK_MS = 1000

/** Looks at the volume of a folder, which may be gone, or on a disk that does not answer. */
export function volumeOf(folder: string, options: VolumeOptions = {}): Volume {
  const { clock = systemClock, look = statfs } = options
  let looking: Promise<number> | undefined
  return {
    async usedRatio() {
      // one look at a time: each that hangs keeps a thread, of which files and signatures share four
      looking ??= ratioOf(look(folder)).finally(() => {
        looking = undefined
      })
      const ratio = await orLate(looking, clock, LONGEST_LOOK_MS)
      return ratio === LATE ? Number.NaN : ratio
    },
  }
}

async function ratioOf(look: Promise<Blocks>): Promise<number> {
  const { blocks, bavail } = await look.catch(() => ({ blocks: Number.NaN, bavail: Number.NaN }))
  return 1 - bavail / blocks
}
