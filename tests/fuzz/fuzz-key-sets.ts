import { JwkSetRefused, parseJwkSet, requiredMembers, type VerificationKey } from '@keyturn/core'
import { Chance } from './chance.ts'
import { makeGoodTokens } from './good-tokens.ts'
import { hostileKeySet } from './hostile-inputs.ts'

/** What came of so many documents. */
export interface KeySetFuzzOutcome {
  readonly documents: number
  /** How many gave a set, and how many of these lacked a key. */
  readonly accepted: number
  readonly smaller: number
  /** What must not be: a key that was not published, or an error that is no refusal. */
  readonly faults: readonly string[]
}

/** Reads key sets that were changed by chance: whatever key comes out was published, and nothing else is thrown than refusals. */
export async function fuzzKeySets(options: {
  readonly from: number
  readonly count: number
}): Promise<KeySetFuzzOutcome> {
  const { from, count } = options
  const { document } = await makeGoodTokens()
  const text = JSON.stringify(document)
  const published = new Map(document.keys.map((key) => [key.kid, materialOf(key)]))
  const isPublished = ({ kid, jwk }: VerificationKey) =>
    published.get(kid) === materialOf(jwk) && !('d' in jwk)
  const faults: string[] = []
  let [accepted, smaller] = [0, 0]
  for (let seed = from; seed < from + count; seed++) {
    const changed = textOrNone(() => hostileKeySet(text, new Chance(seed)))
    try {
      const { keys } = parseJwkSet(Buffer.from(changed))
      accepted++
      if (keys.size < published.size) smaller++
      if (![...keys.values()].every(isPublished)) faults.push(`seed ${seed}: a key that was not published`)
    } catch (error) {
      if (!(error instanceof JwkSetRefused)) faults.push(`seed ${seed}: ${error}`)
    }
  }
  return { documents: count, accepted, smaller, faults }
}

function materialOf(jwk: Parameters<typeof requiredMembers>[0]): string {
  return JSON.stringify(requiredMembers(jwk))
}

/** A change that leaves no JSON where one is to be changed further is none. */
function textOrNone(make: () => string): string {
  try {
    return make()
  } catch {
    return ''
  }
}
