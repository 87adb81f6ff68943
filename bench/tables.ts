import type { BenchReport } from './report.ts'
import type { ImportRow } from './suites/imports.ts'
import { type NewKidRow, TOKENS } from './suites/new-kid.ts'
import type { RotationFigures, RotationRow } from './suites/rotation.ts'
import type { SignatureCost } from './suites/signature-cost.ts'
import type { AlgorithmContest } from './suites/tokens.ts'
import { judge } from './targets.ts'

/** A report as Markdown, ratios first: what is printed, and what stands in docs/performance.md. */
export function renderReport(report: BenchReport): string {
  const { signing, verifying, repeated, imports, rotation, 'signature-cost': costs } = report.suites
  const newKid = report.suites['new-kid']
  return [
    machineLine(report),
    section('Targets', targetTable(report)),
    ...(signing ?? []).map((contest) => section(`Signing ${titleOf(contest)}`, contestTable(contest))),
    ...(verifying ?? []).map((contest) => section(`Verifying ${titleOf(contest)}`, contestTable(contest))),
    ...(repeated?.contests ?? []).map((contest) =>
      section(`The same ${contest.algorithm} token again`, contestTable(contest)),
    ),
    ...(newKid === undefined ? [] : [section(`${TOKENS} tokens of a new kid at once`, newKidTable(newKid))]),
    ...(imports === undefined ? [] : [section('What an import costs', importTable(imports))]),
    ...(rotation === undefined ? [] : [section('Turning keys under load', rotationTable(rotation))]),
    ...(costs === undefined ? [] : [section('What a signature costs', costTable(costs))]),
  ].join('\n\n')
}

function machineLine({ machine, isQuick }: BenchReport): string {
  const { cpu, cores, node, openssl, loadBefore, measuredAt } = machine
  const pace = isQuick ? 'a quick look, ' : ''
  return `${cpu}, ${cores} cores, Node.js ${node.slice(1)}, OpenSSL ${openssl}; ${pace}load average before the run ${loadBefore.toFixed(2)}, ${measuredAt.slice(0, 10)}.`
}

function section(title: string, table: string): string {
  return `### ${title}\n\n${table}`
}

function titleOf({ algorithm, inFlight }: AlgorithmContest): string {
  return inFlight === 1 ? `${algorithm}, one after the other` : `${algorithm}, ${inFlight} in flight`
}

function targetTable(report: BenchReport): string {
  const rows = judge(report)
    .filter(({ value }) => value !== undefined)
    .map(({ target, wanted, value, isMet }) => [target, wanted, number(value), isMet ? 'yes' : '**no**'])
  return table(['target', 'wanted', 'measured', 'met'], rows)
}

function contestTable({ standings }: AlgorithmContest): string {
  const keyturn = standings.find(({ name }) => name === 'keyturn')
  const rows = standings.map(({ name, way, ratios, perSecond, cpuMicroseconds }) => {
    const isOther = keyturn !== undefined && name !== keyturn.name
    return [
      name,
      way,
      number(ratios.raw),
      isOther ? number(keyturn.ratios[name]) : '',
      isOther ? `${keyturn.wins[name]} of ${keyturn.rounds}` : '',
      isOther ? number(keyturn.cpuRatios[name]) : '',
      number(1e6 / perSecond),
      number(cpuMicroseconds),
    ]
  })
  return table(
    [
      '',
      'way',
      'times raw',
      'keyturn times it',
      'rounds won',
      'by processor time',
      'µs each',
      'µs of processor',
    ],
    rows,
  )
}

function rotationTable({ perSecond, rows, memory }: RotationFigures): string {
  const heap = number(memory.heapBytesPerRotation)
  return [
    table(
      [
        'key pairs from',
        'turning',
        'p99 to rest',
        'from when due',
        'rotations',
        'p99, ms',
        'loop delay p99, ms',
        'max, ms',
        'longest own work, ms',
      ],
      rows.map((row) => [
        row.generator,
        paceOf(row),
        number(row.signP99Ratio),
        number(row.dueP99Ratio),
        String(row.rotations),
        number(row.signP99Ms),
        number(row.loopDelayP99Ms),
        number(row.loopDelayMaxMs),
        number(row.maxOwnWorkMs),
      ]),
    ),
    `RS256, ${perSecond} signatures a second. Heap: ${heap} bytes for each rotation; resident memory at the end: ${number(memory.residentRatio)} times that at half time.`,
  ].join('\n\n')
}

function paceOf({ everyMs }: RotationRow): string {
  if (everyMs === null) return 'none'
  return everyMs === 0 ? 'one after the other' : `one in ${everyMs / 1000} s`
}

function newKidTable(rows: readonly NewKidRow[]): string {
  return table(
    ['', 'failures', 'fetches'],
    rows.map(({ name, failures, fetches }) => [name, String(failures), String(fetches)]),
  )
}

function importTable(rows: readonly ImportRow[]): string {
  return table(
    ['', 'ms', 'resident, MB'],
    rows.map((row) => [row.name, number(row.milliseconds), number(row.residentMegabytes)]),
  )
}

function costTable(costs: readonly SignatureCost[]): string {
  return table(
    ['', 'sign, µs', 'verify, µs', 'characters'],
    costs.map((cost) => [
      cost.algorithm,
      number(cost.signMicroseconds),
      number(cost.verifyMicroseconds),
      String(cost.signatureCharacters),
    ]),
  )
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

function number(value: number | undefined): string {
  if (value === undefined) return ''
  return Math.abs(value) < 10 ? value.toFixed(2) : String(Math.round(value))
}
