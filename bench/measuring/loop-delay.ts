import { monitorEventLoopDelay } from 'node:perf_hooks'

/** How long the event loop was kept from its work. */
export interface LoopDelay {
  /** In wall time, in which the machine may have run other processes. */
  readonly p99Ms: number
  readonly maxMs: number
  /**
   * The longest work of the main thread in one piece, in its own processor time: what a stall would be on a machine that has
   * a processor to spare.
   */
  readonly maxOwnWorkMs: number
}

const RESOLUTION_MS = 1

/** Watches the event loop until it is told to stop. */
export function watchLoop(): { stop(): LoopDelay } {
  const monitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  let maxOwnWorkMs = 0
  let seen = mainThreadMs()
  const tick = setInterval(() => {
    const used = mainThreadMs()
    maxOwnWorkMs = Math.max(maxOwnWorkMs, used - seen)
    seen = used
  }, RESOLUTION_MS)
  monitor.enable()
  return {
    stop() {
      monitor.disable()
      clearInterval(tick)
      // what is over the interval at which the monitor looks is delay
      const delay = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS)
      return { p99Ms: delay(monitor.percentile(99)), maxMs: delay(monitor.max), maxOwnWorkMs }
    },
  }
}

function mainThreadMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
