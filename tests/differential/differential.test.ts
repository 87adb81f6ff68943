import { type SigningKey, signCompact } from '@keyturn/core'
import fc from 'fast-check'
import { SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { type Case, fastJwt, isKnownTo, jose, keyturn, type Outcome, prepare } from './contenders.ts'
import { hostileKeySets } from './hostile-key-sets.ts'
import { hostileTokens } from './hostile-tokens.ts'
import { listedDifferences, type Peer } from './listed.ts'
import { policies, USUAL_POLICY } from './policies.ts'
import { CLAIMS, SIGNERS } from './signers.ts'

const TOKENS = 10_000
const KEY_SETS = 3_000
/** Twenty seconds each, and more where the machine is busy. */
const PATIENCE_MS = 240_000
const keySet = prepare(JSON.stringify({ keys: SIGNERS.map(({ jwk }) => jwk) }))
const PEERS: Readonly<Record<Peer, (given: Case) => Promise<Outcome>>> = { jose, 'fast-jwt': fastJwt }

async function goodTokens(): Promise<readonly string[]> {
  const made = SIGNERS.map(async (signer) => {
    const { alg, jwk } = signer
    const key: SigningKey = { kid: jwk.kid, alg, publicJwk: jwk, sign: async (bytes) => signer.sign(bytes) }
    const byJose = new SignJWT(CLAIMS as never).setProtectedHeader({ typ: 'at+jwt', kid: jwk.kid, alg })
    return [await signCompact(key, { typ: 'at+jwt' }, CLAIMS), await byJose.sign(signer.privateKey)]
  })
  return (await Promise.all(made)).flat()
}

/** What came of all cases: how many we accept, and who thinks otherwise, as `what we say | peer`. */
class Differences {
  readonly onlyPeer = new Map<string, number>()
  readonly onlyWe = new Map<string, number>()
  accepted = 0

  async judge(given: Case): Promise<void> {
    const mine = keyturn(given)
    if ('claims' in mine) this.accepted++
    for (const [peer, verify] of Object.entries(PEERS)) {
      const theirs = await verify(given)
      if ('claims' in mine && 'claims' in theirs) expect(theirs.claims).toEqual(mine.claims)
      else if ('refusal' in mine && 'claims' in theirs) count(this.onlyPeer, `${mine.refusal} | ${peer}`)
      else if ('claims' in mine && 'refusal' in theirs && isKnownTo(peer as Peer, given.token))
        count(this.onlyWe, `${theirs.refusal} | ${peer}`)
    }
  }
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

describe('jose and fast-jwt as peers (R2, R42, R65)', () => {
  it('agree on good tokens of two makers, for every algorithm that they have', async () => {
    const tokens = await goodTokens()
    expect(tokens).toHaveLength(2 * 14)
    for (const token of tokens) {
      const given = { token, keySet, policy: USUAL_POLICY }
      expect(keyturn(given)).toEqual({ claims: CLAIMS })
      expect(await jose(given)).toEqual({ claims: CLAIMS })
      if (isKnownTo('fast-jwt', token)) expect(await fastJwt(given)).toEqual({ claims: CLAIMS })
    }
  })

  it(
    `accept of ${TOKENS} hostile tokens all that we accept, and beyond that what docs/differences.md lists`,
    async () => {
      const differences = new Differences()
      const cases = fc.tuple(hostileTokens(await goodTokens()), policies)
      const law = fc.asyncProperty(cases, ([token, policy]) => differences.judge({ token, keySet, policy }))
      await fc.assert(law, { numRuns: TOKENS, seed: 20_261_124 })
      expect(differences.accepted).toBeGreaterThan(TOKENS / 20)
      expect([...differences.onlyWe]).toEqual([])
      expect([...differences.onlyPeer.keys()].sort()).toEqual([...(await listedDifferences('Tokens'))].sort())
    },
    PATIENCE_MS,
  )

  it(
    `accept by ${KEY_SETS} odd key sets a good token as docs/differences.md lists`,
    async () => {
      const differences = new Differences()
      const law = fc.asyncProperty(hostileKeySets, ({ document, ...rest }) =>
        differences.judge({ ...rest, keySet: prepare(document), policy: USUAL_POLICY }),
      )
      await fc.assert(law, { numRuns: KEY_SETS, seed: 20_261_124 })
      expect(differences.accepted).toBeGreaterThan(KEY_SETS / 20)
      expect([...differences.onlyPeer.keys()].sort()).toEqual(
        [...(await listedDifferences('Key sets'))].sort(),
      )
      const stricter = await listedDifferences('Where a peer is stricter', 'refuses')
      expect([...differences.onlyWe.keys()].sort()).toEqual([...stricter].sort())
    },
    PATIENCE_MS,
  )
})
