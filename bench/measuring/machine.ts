import { availableParallelism, cpus, loadavg } from 'node:os'

/** On what, and beside what, something was measured. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly node: string
  readonly openssl: string
  /** Load average of one minute before the run: how many others wanted a core. */
  readonly loadBefore: number
  readonly measuredAt: string
}

/** Describes this machine as it is now. */
export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    node: process.version,
    openssl: process.versions.openssl,
    loadBefore: loadavg()[0] ?? Number.NaN,
    measuredAt: new Date().toISOString(),
  }
}
