import { createPublicKey } from 'node:crypto'
import {
  availableAlgorithms,
  type JwkSet,
  JwkSetRefused,
  parseJwkSet,
  TokenChecker,
  TokenRejected,
} from '@keyturn/core'
import { createVerifier } from 'fast-jwt'
import { createLocalJWKSet, jwtVerify } from 'jose'
import type { Peer } from './listed.ts'
import { causeOf } from './malformed.ts'
import type { Policy } from './policies.ts'
import { NOW } from './signers.ts'

type LocalJWKSet = ReturnType<typeof createLocalJWKSet>

/** What came of a token: the claims that a service would go by, or why there are none. */
export type Outcome = { readonly claims: object } | { readonly refusal: string }

/** A key set in writing, as each of them takes it. */
export interface PreparedKeySet {
  readonly keyturn: JwkSet | JwkSetRefused
  readonly jose: LocalJWKSet | undefined
  readonly fastJwt: readonly Record<string, unknown>[]
}

/** A token, the key set by which it is to be judged, and what is asked of it. */
export interface Case {
  readonly token: string
  readonly keySet: PreparedKeySet
  readonly policy: Policy
  /** Where the key of the token is in the set. */
  readonly index?: number
}

export function prepare(document: string): PreparedKeySet {
  return {
    keyturn: attempt(() => parseJwkSet(Buffer.from(document))),
    jose: orNone(() => createLocalJWKSet(JSON.parse(document))),
    fastJwt: orNone(() => JSON.parse(document).keys) ?? [],
  }
}

export function keyturn({ token, keySet: { keyturn: set }, policy, index }: Case): Outcome {
  if (set instanceof JwkSetRefused) return { refusal: set.code }
  const checker = new TokenChecker(policy)
  try {
    const parsed = checker.parse(token)
    const key = set.keys.get(parsed.header.kid)
    const skipped = set.skipped.find((entry) => entry.index === index)
    if (key === undefined) return { refusal: skipped?.code ?? 'key_unknown' }
    return { claims: checker.verify(parsed, key, NOW * 1000).claims }
  } catch (error) {
    if (!(error instanceof TokenRejected)) throw error
    const detail = error.claim ?? causeOf(error.code, token)
    return { refusal: detail === undefined ? error.code : `${error.code}: ${detail}` }
  }
}

export async function jose({ token, keySet, policy }: Case): Promise<Outcome> {
  const { issuer, audience, algorithms = availableAlgorithms(), typ = 'at+jwt' } = policy
  const { requiredClaims, maxAgeSeconds, clockToleranceSeconds: clockTolerance } = policy
  if (keySet.jose === undefined) return { refusal: 'no key set' }
  try {
    const { payload } = await jwtVerify(token, keySet.jose, {
      issuer,
      algorithms: [...algorithms],
      clockTolerance,
      currentDate: new Date(NOW * 1000),
      ...(audience === null ? {} : { audience: [audience].flat() }),
      ...(typ === null ? {} : { typ }),
      ...(requiredClaims === undefined ? {} : { requiredClaims: [...requiredClaims] }),
      ...(maxAgeSeconds === undefined ? {} : { maxTokenAge: maxAgeSeconds }),
    })
    return { claims: payload }
  } catch (error) {
    return refusalOf(error)
  }
}

/** Has neither ML-DSA, nor EdDSA by its new name. */
const FAST_JWT_ALGORITHMS = availableAlgorithms().filter((name) => /^([REP]S\d+|EdDSA)$/.test(name))

/** Its keys come out of a set by kid and alg, and as PEM, as get-jwks does it. */
export async function fastJwt({ token, keySet, policy }: Case): Promise<Outcome> {
  const { issuer, audience, algorithms = availableAlgorithms(), typ = 'at+jwt' } = policy
  const { requiredClaims, maxAgeSeconds, clockToleranceSeconds: toleranceSeconds } = policy
  try {
    const verify = createVerifier({
      key: async ({ header: { kid, alg } }: { header: Record<string, unknown> }) => {
        const key = keySet.fastJwt.find((it) => it.kid === kid && (it.alg ?? alg) === alg) ?? {}
        return createPublicKey({ key, format: 'jwk' }).export({ format: 'pem', type: 'spki' }).toString()
      },
      algorithms: FAST_JWT_ALGORITHMS.filter((name) => algorithms.includes(name)) as never,
      allowedIss: issuer,
      clockTolerance: toleranceSeconds * 1000,
      clockTimestamp: NOW * 1000,
      cache: false,
      ...(audience === null ? {} : { allowedAud: [audience].flat() }),
      ...(typ === null ? {} : { checkTyp: typ }),
      ...(requiredClaims === undefined ? {} : { requiredClaims: [...requiredClaims] }),
      // its tolerance does not hold for ages
      ...(maxAgeSeconds === undefined ? {} : { maxAge: (maxAgeSeconds + toleranceSeconds) * 1000 }),
    })
    return { claims: await verify(token) }
  } catch (error) {
    return refusalOf(error)
  }
}

/** Says whether a peer has what it takes to verify a token of this algorithm. */
export function isKnownTo(peer: Peer, token: string): boolean {
  if (peer === 'jose') return true
  const { alg } = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())
  return FAST_JWT_ALGORITHMS.includes(alg)
}

function refusalOf(error: unknown): Outcome {
  return { refusal: (error as { code?: string }).code ?? String(error) }
}

function attempt(parse: () => JwkSet): JwkSet | JwkSetRefused {
  try {
    return parse()
  } catch (error) {
    if (error instanceof JwkSetRefused) return error
    throw error
  }
}

function orNone<T>(make: () => T): T | undefined {
  try {
    return make()
  } catch {
    return undefined
  }
}
