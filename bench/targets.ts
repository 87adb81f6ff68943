import type { BenchAlgorithm } from './contenders/contender.ts'
import type { BenchReport } from './report.ts'
import type { RotationRow } from './suites/rotation.ts'
import type { AlgorithmContest } from './suites/tokens.ts'

/** What we mean to be, and what we were. */
export interface Judgement {
  readonly target: string
  readonly wanted: string
  /** `undefined` where it was not measured. */
  readonly value: number | undefined
  readonly isMet: boolean
}

interface Target {
  readonly target: string
  readonly measured: (report: BenchReport) => number | undefined
  readonly isMet: (value: number) => boolean
  readonly wanted: string
}

const US = 'keyturn'
/** RS256 is signed on the thread pool and the others at once, and each is held against its like. */
const LIMIT_OF: Readonly<Record<BenchAlgorithm, string>> = {
  RS256: 'raw, thread pool',
  ES256: 'raw',
  EdDSA: 'raw',
}
const IN_FLIGHT_OF: Readonly<Record<BenchAlgorithm, number>> = { RS256: 64, ES256: 1, EdDSA: 1 }
const PEERS = ['fast-jwt', 'jsonwebtoken', 'jose', 'aws-jwt-verify']

const TARGETS: readonly Target[] = [
  ...(
    [
      ['RS256', 0.97],
      ['ES256', 0.75],
      ['EdDSA', 0.85],
    ] as const
  ).flatMap(([algorithm, least]) => [
    atLeast(least, `signing ${algorithm}, times ${LIMIT_OF[algorithm]}`, (report) =>
      ratio(signingOf(report, algorithm), LIMIT_OF[algorithm]),
    ),
    above(`signing ${algorithm}, times the fastest peer`, (report) =>
      leastRatio(signingOf(report, algorithm)),
    ),
  ]),
  ...(
    [
      ['RS256', 0.85],
      ['ES256', 0.95],
      ['EdDSA', 0.97],
    ] as const
  ).flatMap(([algorithm, least]) => [
    atLeast(least, `verifying ${algorithm}, times raw`, (report) =>
      ratio(verifyingOf(report, algorithm), 'raw'),
    ),
    above(`verifying ${algorithm}, times the fastest peer`, (report) =>
      leastRatio(verifyingOf(report, algorithm)),
    ),
  ]),
  atLeast(5, 'the same token again, times the cache of fast-jwt', ({ suites }) =>
    least(suites.repeated?.contests.map((contest) => ratio(contest, 'fast-jwt'))),
  ),
  atMost(1.9, 'memory of a cached token, times its text', ({ suites }) => suites.repeated?.memoryRatio),
  atMost(0, 'failures among tokens of a new kid', (report) => ownNewKid(report)?.failures),
  atMost(1, 'fetches for them', (report) => ownNewKid(report)?.fetches),
  atMost(10, 'import of the verifier, ms', (report) => ownImport(report)?.milliseconds),
  atMost(4, 'import of the verifier, MB', (report) => ownImport(report)?.residentMegabytes),
  atLeast(
    1.75,
    'RS256 on the thread pool, times one thread',
    ({ suites }) => suites['thread-pool']?.ratioToSync,
  ),
  atMost(10, 'loop delay p99 meanwhile, ms', ({ suites }) => suites['thread-pool']?.loopDelayP99Ms),
  atLeast(1000, 'rotations under load', (report) => turning(report, 0)?.rotations),
  atMost(50, 'longest work of the main thread meanwhile, ms', (report) => turning(report, 0)?.maxOwnWorkMs),
  atMost(2, 'signing p99 while a key turns each second, times at rest', (report) =>
    worseP99(turning(report, 1000)),
  ),
  atMost(2, 'signing p99 while keys turn without a pause, times at rest', (report) =>
    worseP99(turning(report, 0)),
  ),
  atMost(1024, 'heap for each rotation, bytes', ({ suites }) => suites.rotation?.memory.heapBytesPerRotation),
  atMost(
    1.1,
    'resident memory at the end, times at half time',
    ({ suites }) => suites.rotation?.memory.residentRatio,
  ),
]

/** Holds a report against every target. */
export function judge(report: BenchReport): readonly Judgement[] {
  return TARGETS.map(({ target, wanted, measured, isMet }) => {
    const value = measured(report)
    return { target, wanted, value, isMet: value !== undefined && isMet(value) }
  })
}

type Measured = Target['measured']

function atLeast(least: number, target: string, measured: Measured): Target {
  return { target, measured, isMet: (value) => value >= least, wanted: `≥ ${least}` }
}

function above(target: string, measured: Measured): Target {
  return { target, measured, isMet: (value) => value > 1, wanted: '> 1' }
}

function atMost(most: number, target: string, measured: Measured): Target {
  return { target, measured, isMet: (value) => value <= most, wanted: `≤ ${most}` }
}

function signingOf({ suites }: BenchReport, algorithm: BenchAlgorithm): AlgorithmContest | undefined {
  return suites.signing?.find(
    (contest) => contest.algorithm === algorithm && contest.inFlight === IN_FLIGHT_OF[algorithm],
  )
}

function ratio(contest: AlgorithmContest | undefined, other: string): number | undefined {
  return contest?.standings.find(({ name }) => name === US)?.ratios[other]
}

function verifyingOf({ suites }: BenchReport, algorithm: BenchAlgorithm): AlgorithmContest | undefined {
  return suites.verifying?.find((contest) => contest.algorithm === algorithm)
}

function ownNewKid({ suites }: BenchReport) {
  return suites['new-kid']?.find(({ name }) => name === US)
}

function ownImport({ suites }: BenchReport) {
  return suites.imports?.find(({ name }) => name === '@keyturn/verifier')
}

function least(values: readonly (number | undefined)[] = []): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}

function leastRatio(contest: AlgorithmContest | undefined): number | undefined {
  return least(PEERS.map((peer) => ratio(contest, peer)))
}

/** The generator that is built in comes first. */
function turning({ suites }: BenchReport, everyMs: number): RotationRow | undefined {
  return suites.rotation?.rows.find((row) => row.everyMs === everyMs)
}

function worseP99(row: RotationRow | undefined): number | undefined {
  return row && Math.max(row.signP99Ratio, row.dueP99Ratio)
}
