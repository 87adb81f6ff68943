import { median, pairedRatio } from './statistics.ts'

/** Somebody who does one thing again and again. */
export interface Entrant {
  readonly name: string
  /** `sync`: done when it returns. `async`: done when its promise is, so that several may be under way. */
  readonly way: 'sync' | 'async'
  readonly act: () => unknown
}

/** For how long is measured. */
export interface Pace {
  /** How often everybody has a turn. */
  readonly rounds: number
  readonly sliceMs: number
}

/** What is compared with what. */
export interface Terms extends Pace {
  /** How many of an `async` entrant are under way at once. */
  readonly inFlight: number
}

/** What came of an {@link Entrant}. */
export interface Standing {
  readonly name: string
  readonly way: Entrant['way']
  /** Times as fast as each of the others, by name. */
  readonly ratios: Readonly<Record<string, number>>
  /** The same by processor time, which others on the machine take nothing from; with all threads, so a pool gains nothing. */
  readonly cpuRatios: Readonly<Record<string, number>>
  /** In how many of the rounds it was faster than each of the others. */
  readonly wins: Readonly<Record<string, number>>
  readonly rounds: number
  readonly perSecond: number
  readonly cpuMicroseconds: number
}

/** What an entrant did in its turn of a round. */
interface Turn {
  readonly perSecond: number
  /** Of the processor for each operation. */
  readonly cpuMicroseconds: number
}

/** Some steps without a look at the clock, which costs about as much as a small step. */
const STRIDE = 8

/** Lets everybody have a turn in every round, beginning with another one each time, and compares round by round. */
export async function holdContest(entrants: readonly Entrant[], terms: Terms): Promise<readonly Standing[]> {
  const turns = new Map<string, Turn[]>(entrants.map(({ name }) => [name, []]))
  for (const entrant of entrants) await takeTurn(entrant, terms)
  for (let round = 0; round < terms.rounds; round++) {
    const first = round % entrants.length
    for (const entrant of [...entrants.slice(first), ...entrants.slice(0, first)]) {
      turns.get(entrant.name)?.push(await takeTurn(entrant, terms))
    }
  }
  return entrants.map((entrant) => standingOf(entrant, turns))
}

function standingOf({ name, way }: Entrant, turns: ReadonlyMap<string, readonly Turn[]>): Standing {
  const rates = (who: string) => turns.get(who)?.map(({ perSecond }) => perSecond) ?? []
  const costs = (who: string) => turns.get(who)?.map(({ cpuMicroseconds }) => cpuMicroseconds) ?? []
  const byName = (against: (other: string) => number) =>
    Object.fromEntries([...turns.keys()].map((other) => [other, against(other)]))
  return {
    name,
    way,
    ratios: byName((other) => pairedRatio(rates(name), rates(other))),
    cpuRatios: byName((other) => pairedRatio(costs(other), costs(name))),
    wins: byName((other) => rates(name).filter((rate, round) => rate > (rates(other)[round] ?? rate)).length),
    rounds: rates(name).length,
    perSecond: median(rates(name)),
    cpuMicroseconds: median(costs(name)),
  }
}

async function takeTurn({ way, act }: Entrant, { sliceMs, inFlight }: Terms): Promise<Turn> {
  const startedAt = performance.now()
  const cpuBefore = process.cpuUsage()
  const elapsed = () => performance.now() - startedAt
  let done = 0
  // at least once, however long others had the processor
  if (way === 'sync') {
    do {
      for (let i = 0; i < STRIDE; i++) act()
      done += STRIDE
    } while (elapsed() < sliceMs)
  } else {
    const one = async () => {
      do {
        await act()
        done++
      } while (elapsed() < sliceMs)
    }
    await Promise.all(Array.from({ length: inFlight }, one))
  }
  const { user, system } = process.cpuUsage(cpuBefore)
  return { perSecond: (done / elapsed()) * 1000, cpuMicroseconds: (user + system) / done }
}
