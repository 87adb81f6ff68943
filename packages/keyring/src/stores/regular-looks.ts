import type { Clock } from '@keyturn/core'
import type { StoreWatcher } from './key-store.ts'

/** Looks that go on by themselves. */
export interface RegularLooks {
  /** Brings the next look forward: to now, but not closer to the one before than a tenth of a second. */
  hasten(): void
  /** Nothing is reported from now on. */
  stop(): void
}

/** One look at a store. Reports what it finds, or throws. */
type Look = (watcher: StoreWatcher) => Promise<void>

/** Whoever may connect to the database may NOTIFY, as often as they like. */
const LEAST_GAP_MS = 100

/** Looks at a store again and again, one look at a time, and reports each one that begins and what came of it. */
export function lookRegularly(
  watcher: StoreWatcher,
  { clock, everyMs }: { readonly clock: Clock; readonly everyMs: number },
  look: Look,
): RegularLooks {
  let cancel = () => {}
  let beganAt = Number.NEGATIVE_INFINITY
  let [isLooking, isHastened, isStopped] = [false, false, false]
  const unlessStopped: StoreWatcher = {
    onChange: (ring) => isStopped || watcher.onChange(ring),
    onHealthy: () => isStopped || watcher.onHealthy?.(),
    onError: (error) => isStopped || watcher.onError(error),
  }
  const begin = async () => {
    cancel()
    isLooking = true
    isHastened = false
    beganAt = clock.monotonicNow()
    watcher.onLook?.()
    await look(unlessStopped).catch((error: unknown) => unlessStopped.onError(error))
    isLooking = false
    if (!isStopped) schedule(isHastened ? untilAllowedMs() : everyMs)
  }
  const untilAllowedMs = () => Math.max(0, beganAt + LEAST_GAP_MS - clock.monotonicNow())
  const schedule = (delayMs: number) => {
    cancel = clock.setTimer(() => void begin(), delayMs)
  }
  schedule(everyMs)
  return {
    hasten() {
      if (isHastened || isStopped) return
      isHastened = true
      if (isLooking) return
      cancel()
      if (untilAllowedMs() === 0) void begin()
      else schedule(untilAllowedMs())
    },
    stop() {
      isStopped = true
      cancel()
    },
  }
}
