import type { Clock } from '@keyturn/core'
import type { StoreWatcher } from './key-store.ts'

/** Looks that go on by themselves. */
export interface RegularLooks {
  /** Brings the next look forward to now, or to the end of the one under way. */
  hasten(): void
  /** Nothing is reported from now on. */
  stop(): void
}

/** One look at a store. Reports what it finds, or throws. */
type Look = (watcher: StoreWatcher) => Promise<void>

/** Looks at a store again and again, one look at a time, and reports each one that begins and what came of it. */
export function lookRegularly(
  watcher: StoreWatcher,
  { clock, everyMs }: { readonly clock: Clock; readonly everyMs: number },
  look: Look,
): RegularLooks {
  let cancel = () => {}
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
    watcher.onLook?.()
    await look(unlessStopped).catch((error: unknown) => unlessStopped.onError(error))
    isLooking = false
    if (!isStopped) schedule(isHastened ? 0 : everyMs)
  }
  const schedule = (delayMs: number) => {
    cancel = clock.setTimer(() => void begin(), delayMs)
  }
  schedule(everyMs)
  return {
    hasten() {
      isHastened = true
      if (!isLooking && !isStopped) void begin()
    },
    stop() {
      isStopped = true
      cancel()
    },
  }
}
