import type { Pace } from './measuring/contest.ts'
import type { BenchReport, SuiteName } from './report.ts'
import { runImports } from './suites/imports.ts'
import { runNewKid } from './suites/new-kid.ts'
import { runRepeated } from './suites/repeated.ts'
import { type RotationTerms, runRotation } from './suites/rotation.ts'
import { runSignatureCost } from './suites/signature-cost.ts'
import { runThreadPool } from './suites/thread-pool.ts'
import { runSigning, runVerifying } from './suites/tokens.ts'

/** For how long is measured. */
export interface Settings {
  readonly pace: Pace
  readonly rotation: RotationTerms
}

/** What the figures of the documents are made with: about six minutes. */
export const FULL: Settings = Object.freeze({
  pace: { rounds: 21, sliceMs: 80 },
  rotation: { perSecond: 1000, windowMs: 3000, rounds: 7, rotations: 1000 },
})

/** A look at where things stand: half a minute. */
export const QUICK: Settings = Object.freeze({
  pace: { rounds: 5, sliceMs: 25 },
  rotation: { perSecond: 1000, windowMs: 500, rounds: 5, rotations: 5 },
})

/** What is measured, in this order. */
export const SUITES: {
  readonly [Name in SuiteName]-?: (settings: Settings) => Promise<BenchReport['suites'][Name]>
} = {
  signing: ({ pace }) => runSigning(pace),
  verifying: ({ pace }) => runVerifying(pace),
  repeated: ({ pace }) => runRepeated(pace),
  'new-kid': () => runNewKid(),
  imports: ({ pace }) => runImports(pace.rounds),
  'thread-pool': ({ pace }) => runThreadPool(pace),
  rotation: ({ rotation }) => runRotation(rotation),
  'signature-cost': ({ pace }) => runSignatureCost(pace),
}
