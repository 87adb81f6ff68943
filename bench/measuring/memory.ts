import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** What a process holds when all that it has dropped is gone. */
export interface Memory {
  readonly heapBytes: number
  /** With what is outside of the heap, as keys are. */
  readonly residentBytes: number
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

export function measureMemory(): Memory {
  collect()
  const { heapUsed, rss } = process.memoryUsage()
  return { heapBytes: heapUsed, residentBytes: rss }
}
