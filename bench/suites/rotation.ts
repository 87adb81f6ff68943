import { type Memory, measureMemory } from '../measuring/memory.ts'
import { median, pairedRatio } from '../measuring/statistics.ts'
import { GENERATORS } from '../rotation/generators.ts'
import { measureWindow, type Window } from '../rotation/load.ts'
import { TurningAuthority } from '../rotation/turning-authority.ts'

/** What it costs those who wait for signatures that keys are made and turned. */
export interface RotationFigures {
  readonly perSecond: number
  readonly rows: readonly RotationRow[]
  readonly memory: MemoryFigures
}

/** The windows in which keys came from one generator, beside those in which none was made. */
export interface RotationRow {
  readonly generator: string
  /** How often a key turned; `null` where none did. */
  readonly everyMs: number | null
  readonly rotations: number
  readonly signP99Ms: number
  /** Times the p99 of the windows at rest, round by round: from the call, and from when it was due. */
  readonly signP99Ratio: number
  readonly dueP99Ratio: number
  readonly loopDelayP99Ms: number
  readonly loopDelayMaxMs: number
  readonly maxOwnWorkMs: number
}

/** What was gained in the second half of the rounds. */
export interface MemoryFigures {
  readonly heapBytesPerRotation: number
  readonly residentRatio: number
}

/** For how long, and how often. */
export interface RotationTerms {
  readonly perSecond: number
  readonly windowMs: number
  /** Rounds in which every generator takes part; the first one goes on until it has made enough. */
  readonly rounds: number
  readonly rotations: number
}

/** Keys that turn without a pause show what holds up anybody; one a second is more than any schedule may ask for. */
const PACES = [
  ['low-priority thread', 0],
  ['low-priority thread', 1000],
  ['thread pool', 0],
  ['low-priority child', 0],
] as const satisfies readonly (readonly [keyof typeof GENERATORS, number])[]

interface Series {
  readonly generator: string
  readonly everyMs: number
  readonly authority: TurningAuthority
  readonly rest: Window[]
  readonly turning: Window[]
}

/** Signs with RS256, whose keys take longest, in windows at rest and windows of turning keys, which take turns. */
export async function runRotation(terms: RotationTerms): Promise<RotationFigures> {
  const all = await Promise.all(
    PACES.map(async ([generator, everyMs]): Promise<Series> => {
      const authority = await TurningAuthority.open(GENERATORS[generator])
      return { generator, everyMs, authority, rest: [], turning: [] }
    }),
  )
  const [chosen] = all
  if (chosen === undefined) throw new Error('expected a generator')
  const memory: (Memory & { readonly rotations: number })[] = []
  for (let round = 0; round < terms.rounds || chosen.authority.rotations < terms.rotations; round++) {
    for (const series of round < terms.rounds ? all : [chosen]) await play(series, terms)
    memory.push({ ...measureMemory(), rotations: chosen.authority.rotations })
  }
  for (const { authority } of all) await authority.close()
  return { perSecond: terms.perSecond, rows: all.flatMap(rowsOf), memory: growth(memory) }
}

async function play({ authority, everyMs, rest, turning }: Series, terms: RotationTerms): Promise<void> {
  rest.push(await measureWindow(authority, { ...terms, everyMs: Infinity }))
  turning.push(await measureWindow(authority, { ...terms, everyMs }))
}

function rowsOf({ generator, everyMs, rest, turning }: Series): readonly RotationRow[] {
  return [rowOf({ generator, everyMs: null }, rest, rest), rowOf({ generator, everyMs }, turning, rest)]
}

function rowOf(
  what: Pick<RotationRow, 'generator' | 'everyMs'>,
  windows: readonly Window[],
  rest: readonly Window[],
): RotationRow {
  const of = (figure: keyof Window) => windows.map((window) => window[figure])
  const ratio = (figure: keyof Window) =>
    pairedRatio(
      of(figure),
      rest.map((window) => window[figure]),
    )
  return {
    ...what,
    rotations: of('rotations').reduce((sum, it) => sum + it, 0),
    signP99Ms: median(of('signP99Ms')),
    signP99Ratio: ratio('signP99Ms'),
    dueP99Ratio: ratio('dueP99Ms'),
    loopDelayP99Ms: median(of('p99Ms')),
    loopDelayMaxMs: Math.max(...of('maxMs')),
    maxOwnWorkMs: Math.max(...of('maxOwnWorkMs')),
  }
}

function growth(memory: readonly (Memory & { readonly rotations: number })[]): MemoryFigures {
  const early = memory[Math.floor(memory.length / 2)]
  const late = memory.at(-1)
  if (early === undefined || late === undefined) throw new Error('expected a round')
  return {
    heapBytesPerRotation: (late.heapBytes - early.heapBytes) / Math.max(1, late.rotations - early.rotations),
    residentRatio: late.residentBytes / early.residentBytes,
  }
}
