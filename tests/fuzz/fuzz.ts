import { KeysUnavailable, TOKEN_REJECTIONS, TokenRejected } from '@keyturn/core'
import { fakeClock } from '@keyturn/testing'
import { createVerifier } from '@keyturn/verifier'
import { Chance } from './chance.ts'
import { AUDIENCE, ISSUER, makeGoodTokens, NOW_MS } from './good-tokens.ts'
import { MUTATIONS } from './hostile-inputs.ts'

/** What came of so many inputs. */
export interface FuzzOutcome {
  readonly inputs: number
  /** How many were refused, by code. */
  readonly refusals: Readonly<Record<string, number>>
  /** Inputs that came out as good tokens after all, and were accepted. */
  readonly unchanged: number
  /** What must not be: an accepted input that is no good token, or an error that is no refusal. */
  readonly faults: readonly string[]
}

/** Shows a verifier inputs of the seeds from one on, each made by another kind of mutation, and what they must not be. */
export async function fuzz({
  from,
  count,
}: {
  readonly from: number
  readonly count: number
}): Promise<FuzzOutcome> {
  const { tokens, document } = await makeGoodTokens()
  const texts = tokens.map(({ text }) => text)
  const good = new Set<unknown>(texts)
  const verifier = createVerifier({
    issuer: ISSUER,
    audience: AUDIENCE,
    jwksUrl: null,
    pinnedKeys: document,
    tokenCacheSize: 1000,
    clock: fakeClock(NOW_MS),
  })
  for (const text of texts) verifier.verifySync(text)
  const kinds = Object.entries(MUTATIONS)
  const refusals: Record<string, number> = {}
  const faults: string[] = []
  let unchanged = 0
  for (let seed = from; seed < from + count; seed++) {
    const [kind, mutate] = kinds[seed % kinds.length] as (typeof kinds)[number]
    const input = mutate(texts, new Chance(seed))
    const fault = faultOf(input)
    if (fault !== undefined) faults.push(`${kind}, seed ${seed}: ${fault}`)
  }
  verifier.close()
  return { inputs: count, refusals, unchanged, faults }

  function faultOf(input: unknown): string | undefined {
    try {
      verifier.verifySync(input)
    } catch (error) {
      if (!(error instanceof TokenRejected) || !Object.hasOwn(TOKEN_REJECTIONS, error.code)) {
        return error instanceof KeysUnavailable ? 'KeysUnavailable' : String(error)
      }
      refusals[error.code] = (refusals[error.code] ?? 0) + 1
      return good.has(input) ? `a good token is refused: ${error.code}` : undefined
    }
    if (!good.has(input)) return `accepted: ${JSON.stringify(input)}`
    unchanged++
    return undefined
  }
}
