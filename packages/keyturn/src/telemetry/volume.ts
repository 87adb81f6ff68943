import { statfs } from 'node:fs/promises'
import { type Clock, LATE, orLate, systemClock } from '@keyturn/core'

/** How full a volume is. NaN where it cannot be told, or not in time. */
export interface Room {
  /** Between 0 and 1. */
  readonly usedRatio: number
  readonly freeBytes: number
}

/** The volume of a folder. */
export interface Volume {
  /** Never rejects, and takes a second at the most. */
  room(): Promise<Room>
}

/** How much of a file system there is, and is left (statvfs). */
interface Blocks {
  readonly bsize: number
  readonly blocks: number
  readonly bavail: number
}

/** What a test puts in the place of the machine. */
export interface VolumeOptions {
  readonly clock?: Clock
  readonly look?: (folder: string) => Promise<Blocks>
}

const LONGEST_LOOK_MS = 1000
const MOST_USED = 0.9
const LEAST_FREE_BYTES = 2 ** 30
/** Of a volume of which nothing can be told. */
export const UNKNOWN: Room = Object.freeze({ usedRatio: Number.NaN, freeBytes: Number.NaN })

/** More than nine tenths are used, and less than 1 GiB is left: a tenth of a large disk would be no reason to call anybody. */
export function isNearlyFull({ usedRatio, freeBytes }: Room): boolean {
  return usedRatio > MOST_USED && freeBytes < LEAST_FREE_BYTES
}

/** Looks at the volume of a folder, which may be gone, or on a disk that does not answer. */
export function volumeOf(folder: string, options: VolumeOptions = {}): Volume {
  const { clock = systemClock, look = statfs } = options
  let looking: Promise<Room> | undefined
  return {
    async room() {
      // one look at a time: each that hangs keeps a thread, of which files and signatures share four
      looking ??= look(folder)
        .then(roomOf, () => UNKNOWN)
        .finally(() => {
          looking = undefined
        })
      const room = await orLate(looking, clock, LONGEST_LOOK_MS)
      return room === LATE ? UNKNOWN : room
    },
  }
}

function roomOf({ bsize, blocks, bavail }: Blocks): Room {
  return { usedRatio: 1 - bavail / blocks, freeBytes: bavail * bsize }
}
