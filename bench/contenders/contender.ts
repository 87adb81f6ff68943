import type { KeyObject } from 'node:crypto'
import type { PublishedJwk } from '@keyturn/core'
import type { KeyManager } from '@keyturn/keyring'

/** The algorithms that the field has in common. */
export const BENCH_ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const

/** One of {@link BENCH_ALGORITHMS}. */
export type BenchAlgorithm = (typeof BENCH_ALGORITHMS)[number]

/** One key and one set of claims for everybody. */
export interface Task {
  readonly algorithm: BenchAlgorithm
  /** Holds the key, as the authority does. */
  readonly keys: KeyManager
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  readonly jwk: PublishedJwk
}

/** A step that is ready to go: whatever can be done once has been done. */
export interface Step<Args extends readonly unknown[]> {
  readonly way: 'sync' | 'async'
  readonly act: (...args: Args) => unknown
}

/** Somebody who signs and verifies tokens; `undefined` where it cannot, for want of the algorithm. */
export interface Contender {
  readonly name: string
  /** A step that makes a token with {@link CLAIMS}, `iat` and `exp`. */
  signer(task: Task): Promise<Step<[]> | undefined>
  /** A step that verifies a token: signature, `iss`, `aud` and `exp` at least. */
  verifier(task: Task): Promise<Step<[token: string]> | undefined>
}

/** What a token of a user says. */
export const CLAIMS = Object.freeze({
  iss: 'https://auth.example.com',
  sub: '8f14e45f-ceea-467f-ab3a-d0e1f2c3b4a5',
  aud: 'https://orders.example.com',
  jti: 'b6589fc6-ab0d-4c82-8f12-099d1c2d40ab',
  client_id: 'web',
  scope: 'orders:read orders:write',
  type: 0,
  role: 1,
  verified: true,
})
export const TYP = 'at+jwt'
export const TTL_SECONDS = 600
