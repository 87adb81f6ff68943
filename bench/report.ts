import type { Machine } from './measuring/machine.ts'
import type { ImportRow } from './suites/imports.ts'
import type { NewKidRow } from './suites/new-kid.ts'
import type { RepeatedFigures } from './suites/repeated.ts'
import type { RotationFigures } from './suites/rotation.ts'
import type { SignatureCost } from './suites/signature-cost.ts'
import type { ThreadPoolFigures } from './suites/thread-pool.ts'
import type { AlgorithmContest } from './suites/tokens.ts'

/** All that one run measured; a suite that was left out is missing. What `--json` writes. */
export interface BenchReport {
  readonly machine: Machine
  readonly isQuick: boolean
  readonly suites: {
    readonly signing?: readonly AlgorithmContest[]
    readonly verifying?: readonly AlgorithmContest[]
    readonly repeated?: RepeatedFigures
    readonly 'new-kid'?: readonly NewKidRow[]
    readonly imports?: readonly ImportRow[]
    readonly 'thread-pool'?: ThreadPoolFigures
    readonly rotation?: RotationFigures
    readonly 'signature-cost'?: readonly SignatureCost[]
  }
}

/** The name of a suite. */
export type SuiteName = keyof BenchReport['suites']
