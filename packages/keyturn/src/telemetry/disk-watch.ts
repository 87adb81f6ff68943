import { type Clock, errorCodeOf, KeyturnError, LATE, orLate } from '@keyturn/core'
import { isNearlyFull, type Room, UNKNOWN, type Volume } from './volume.ts'

/** Which volumes are looked at. */
export type VolumeName = 'data' | 'backup'

/** What a {@link DiskWatch} looks at. */
export interface DiskWatchOptions {
  readonly volumes: Readonly<Partial<Record<VolumeName, Volume>>>
  /** Fails when the state is not the file any more that this process has open. */
  readonly assertStateInPlace: () => Promise<void>
  readonly clock: Clock
  readonly onEvent: (event: DiskEvent) => void
}

/** What becomes of disks. Each is said when it changes. */
export type DiskEvent =
  | ({ readonly kind: 'volume-nearly-full' | 'volume-has-room'; readonly volume: VolumeName } & Room)
  | { readonly kind: 'state-lost'; readonly error: unknown; readonly code: string }
  | { readonly kind: 'state-back' }

/** State of a volume at the last look. */
export interface VolumeHealth extends Room {
  readonly nearlyFull: boolean
}

/** State of the disks at the last look. */
export interface DiskHealth {
  readonly status: 'ok' | 'degraded'
  /** Code of what is wrong with the file of the state; `undefined` when nothing is. */
  readonly stateError: string | undefined
  readonly volumes: Readonly<Partial<Record<VolumeName, VolumeHealth>>>
}

const INTERVAL_MS = 5000
const DEADLINE_MS = 1000

/**
 * Looks every five seconds at what an authority has on disks beside its ring, which looks after itself: so health and metrics
 * read memory only, and a file that was unlinked under a process which goes on writing into it is noticed.
 */
export class DiskWatch {
  readonly #options: DiskWatchOptions
  readonly #rooms = new Map<VolumeName, Room>()
  #check: Promise<void> | undefined
  #stateError: string | undefined
  #isStopped = false
  #cancel = () => {}

  constructor(options: DiskWatchOptions) {
    this.#options = options
  }

  /** Resolves after the first look, in a second at the most. */
  async start(): Promise<void> {
    await this.#look()
    if (this.#isStopped) return
    this.#cancel = this.#options.clock.setTimer(() => void this.start(), INTERVAL_MS)
  }

  close(): void {
    this.#isStopped = true
    this.#cancel()
  }

  /** What the last look saw. */
  health(): DiskHealth {
    const names = Object.keys(this.#options.volumes) as VolumeName[]
    const volumes = Object.fromEntries(names.map((name) => [name, this.#volumeHealth(name)]))
    const isFull = Object.values(volumes).some(({ nearlyFull }) => nearlyFull)
    const status = isFull || this.#stateError !== undefined ? 'degraded' : 'ok'
    return { status, stateError: this.#stateError, volumes }
  }

  #volumeHealth(name: VolumeName): VolumeHealth {
    const room = this.#rooms.get(name) ?? UNKNOWN
    return { ...room, nearlyFull: isNearlyFull(room) }
  }

  async #look(): Promise<void> {
    const volumes = Object.entries(this.#options.volumes) as [VolumeName, Volume][]
    const rooms = volumes.map(async ([name, volume]) => this.#noteRoom(name, await volume.room()))
    await Promise.all([...rooms, this.#checkState()])
  }

  #noteRoom(volume: VolumeName, room: Room): void {
    const wasFull = this.#volumeHealth(volume).nearlyFull
    this.#rooms.set(volume, room)
    const isFull = isNearlyFull(room)
    if (isFull === wasFull) return
    this.#options.onEvent({ kind: isFull ? 'volume-nearly-full' : 'volume-has-room', volume, ...room })
  }

  /** One check at a time, as with volumes. */
  async #checkState(): Promise<void> {
    this.#check ??= this.#options.assertStateInPlace().finally(() => {
      this.#check = undefined
    })
    try {
      if ((await orLate(this.#check, this.#options.clock, DEADLINE_MS)) === LATE) throw noAnswer()
      if (this.#stateError !== undefined) this.#options.onEvent({ kind: 'state-back' })
      this.#stateError = undefined
    } catch (error) {
      const code = errorCodeOf(error)
      if (code !== this.#stateError) this.#options.onEvent({ kind: 'state-lost', error, code })
      this.#stateError = code
    }
  }
}

function noAnswer(): KeyturnError {
  return new KeyturnError('state_failed', 'the disk of the state does not answer', {
    remedy: 'check that the disk is mounted and works',
  })
}
