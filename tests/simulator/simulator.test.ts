import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { simulate, type Violation } from '@keyturn/testing/simulator'
import { describe, expect, it } from 'vitest'
import { MUTANTS, type Mutant } from './mutants.ts'

const CAMPAIGN = fileURLToPath(new URL('./campaign.ts', import.meta.url))
const HOOK = new URL('./mutant-hook.ts', import.meta.url).href
/** `KEYTURN_HISTORIES=1000000` for a longer campaign. */
const HISTORIES = Number(process.env.KEYTURN_HISTORIES ?? (process.env.CI === 'true' ? 10_000 : 1000))
const PROCESSES = 2
const MOST_FOR_A_MUTANT = 2000

interface Campaign {
  readonly histories: number
  readonly writes: number
  readonly redSeed?: number
  readonly violations?: readonly Violation[]
}

async function campaign(from: number, count: number, mutant?: Mutant): Promise<Campaign> {
  const hook = mutant === undefined ? [] : ['--import', HOOK]
  const until = mutant === undefined ? [] : ['--until', mutant.breaks]
  const args = [...hook, CAMPAIGN, '--from', String(from), '--count', String(count), ...until]
  const env = { ...process.env, KEYTURN_MUTANT: mutant?.name ?? '' }
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, maxBuffer: 2 ** 26 })
  return JSON.parse(stdout)
}

describe('random histories on virtual time (R5, R6, R7, R8, R9, R13, R64)', () => {
  it(
    `keep the invariants of the design, ${HISTORIES} of them`,
    async () => {
      const share = Math.ceil(HISTORIES / PROCESSES)
      const runs = await Promise.all(
        Array.from({ length: PROCESSES }, (_, run) => campaign(1 + run * share, share)),
      )
      for (const { redSeed, violations } of runs) expect({ redSeed, violations }).toEqual({})
      expect(runs.reduce((sum, { writes }) => sum + writes, 0)).toBeGreaterThan(10 * HISTORIES)
    },
    HISTORIES * 100,
  )

  it('play again as they were, to the letter', async () => {
    const [one, again] = [await simulate({ seed: 5 }), await simulate({ seed: 5 })]
    expect(one.history).toEqual(again.history)
    expect(one.history.length).toBeGreaterThan(50)
  })
})

describe('a simulation that bites (R64)', () => {
  it('knows a fault for every invariant of the design', () => {
    const broken = new Set(MUTANTS.map(({ breaks }) => breaks))
    const invariants = Array.from({ length: 12 }, (_, index) => `invariant-${index + 1}`)
    expect(broken).toEqual(new Set([...invariants, 'promise-R5', 'promise-R8', 'promise-R9', 'promise-R13']))
  })

  it.concurrent.each(MUTANTS)(
    'tells that $breaks is broken when a ring $name',
    async (mutant) => {
      const { redSeed, violations } = await campaign(1, MOST_FOR_A_MUTANT, mutant)
      expect(redSeed, 'no history found the fault').toBeDefined()
      expect(violations?.map(({ id }) => id)).toContain(mutant.breaks)
    },
    180_000,
  )
})
