import { KeysUnavailable, TOKEN_REJECTIONS, TokenRejected } from '@keyturn/core'
import { fakeClock } from '@keyturn/testing'
import { createVerifier } from '@keyturn/verifier'
import { AUDIENCE, ISSUER, makeGoodTokens, NOW_MS } from './good-tokens.ts'

/** What came of so many inputs. */
export interface TrialOutcome {
  readonly inputs: number
  /** How many were refused, by code. */
  readonly refusals: Readonly<Record<string, number>>
  /** Inputs that came out as good tokens after all, and were accepted. */
  readonly unchanged: number
  /** What must not be: an accepted input that is no good token, or an error that is no refusal. */
  readonly faults: readonly string[]
}

/** A verifier that has seen a good token of every algorithm, and remembers them. */
export async function openTrial() {
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
  const refusals: Record<string, number> = {}
  const faults: string[] = []
  let [inputs, unchanged] = [0, 0]
  return { tokens, show, end }

  /** Shows the verifier an input, which is found again by its name. */
  function show(input: unknown, name: string): void {
    inputs++
    const fault = faultOf(input)
    if (fault !== undefined) faults.push(`${name}: ${fault}`)
  }

  function end(): TrialOutcome {
    verifier.close()
    return { inputs, refusals, unchanged, faults }
  }

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
