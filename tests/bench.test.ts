import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { replaceMeasured } from '../bench/document.ts'
import { pairedRatio, percentile } from '../bench/measuring/statistics.ts'
import type { BenchReport } from '../bench/report.ts'
import { SUITES } from '../bench/suites.ts'
import { renderReport } from '../bench/tables.ts'
import { judge } from '../bench/targets.ts'

const root = new URL('..', import.meta.url)
const read = (path: string) => readFile(new URL(path, root), 'utf8')
const run = promisify(execFile)

describe('npm run bench (R2, R10)', () => {
  let folder: string
  let printed: string
  let report: BenchReport

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keyturn-bench-'))
    const file = join(folder, 'report.json')
    const args = [fileURLToPath(new URL('bench/main.ts', root)), '--quick', '--json', file]
    printed = (await run(process.execPath, args)).stdout
    report = JSON.parse(await readFile(file, 'utf8'))
  }, 240_000)
  afterAll(() => rm(folder, { recursive: true }))

  it('measures every suite, and says on which machine', () => {
    expect(Object.keys(report.suites)).toEqual(Object.keys(SUITES))
    expect(report.machine).toMatchObject({ node: process.version, loadBefore: expect.any(Number) })
    expect(printed).toBe(`${renderReport(report)}\n`)
  })

  it('lets everybody have a turn in each of five rounds, and gives a ratio to each of the others', () => {
    const { signing = [], verifying = [] } = report.suites
    expect(signing.map(({ algorithm, inFlight }) => `${algorithm} ${inFlight}`)).toEqual(
      ['RS256', 'ES256', 'EdDSA'].flatMap((algorithm) => [`${algorithm} 1`, `${algorithm} 64`]),
    )
    for (const { algorithm, standings } of [...signing, ...verifying]) {
      const names = standings.map(({ name }) => name)
      const peers = algorithm === 'EdDSA' ? ['fast-jwt', 'jose'] : ['fast-jwt', 'jsonwebtoken', 'jose']
      expect(names).toEqual(expect.arrayContaining(['raw', 'keyturn', ...peers]))
      for (const { name, rounds, ratios } of standings) {
        expect(rounds).toBe(5)
        expect(Object.keys(ratios)).toEqual(names)
        expect(ratios[name]).toBe(1)
        expect(Object.values(ratios).every((ratio) => ratio > 0)).toBe(true)
      }
    }
  })

  it('shows everybody tokens of a kid that is new to them, and the same token again', () => {
    const rows = report.suites['new-kid']
    expect(rows?.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['keyturn', 'jose', 'aws-jwt-verify']),
    )
    expect(rows?.find(({ name }) => name === 'keyturn')).toMatchObject({ failures: 0, fetches: 1 })
    const { contests = [], memoryRatio = Number.NaN } = report.suites.repeated ?? {}
    expect(contests.map(({ algorithm }) => algorithm)).toEqual(['RS256', 'ES256', 'EdDSA'])
    expect(memoryRatio).toBeGreaterThan(1)
    expect(report.suites.imports?.every(({ residentMegabytes }) => residentMegabytes > 0)).toBe(true)
  })

  it('turns keys while it signs', () => {
    const turning = report.suites.rotation?.rows.filter(({ everyMs }) => everyMs !== null)
    expect(turning?.map(({ generator, everyMs }) => [generator, everyMs])).toEqual([
      ['low-priority thread', 0],
      ['low-priority thread', 1000],
      ['thread pool', 0],
      ['low-priority child', 0],
    ])
    for (const { rotations } of turning ?? []) expect(rotations).toBeGreaterThan(0)
  })

  // one peer is so far behind that no load of the machine hides it; the others are for an idle one
  it('sees that jose takes more of the processor for an ES256 signature', () => {
    const contest = report.suites.signing?.find((it) => it.algorithm === 'ES256' && it.inFlight === 1)
    expect(contest?.standings.find(({ name }) => name === 'keyturn')?.cpuRatios.jose).toBeGreaterThan(1)
  })
})

describe('what the bench says', () => {
  it('is a median of pairs, so that a machine that slows down changes nothing', () => {
    expect(pairedRatio([100, 50, 10, 100, 100], [50, 25, 5, 50, 1])).toBe(2)
    expect(percentile([5, 1, 4, 2, 3], 50)).toBe(3)
    expect(percentile([1, 2, 3], 99)).toBe(3)
  })

  it('is held against targets, met or not', async () => {
    const report: BenchReport = JSON.parse(await read('bench/results.json'))
    const withRatio = (ratioToSync: number): BenchReport => ({
      ...report,
      suites: { 'thread-pool': { inFlight: 64, ratioToSync, loopDelayP99Ms: 1 } },
    })
    const verdict = (ratio: number) =>
      judge(withRatio(ratio)).find(({ target }) => target.startsWith('RS256 on the thread pool'))
    expect(verdict(1.75)).toMatchObject({ wanted: '≥ 1.75', value: 1.75, isMet: true })
    expect(verdict(1.74)?.isMet).toBe(false)
  })

  it('stands in the document as it was measured', async () => {
    const document = await read('docs/performance.md')
    const report = JSON.parse(await read('bench/results.json'))
    expect(replaceMeasured(document, renderReport(report))).toBe(document)
    expect(() => replaceMeasured('no marks', 'tables')).toThrow('expected a document')
  })
})
