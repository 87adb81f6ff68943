import { availableAlgorithms, type TokenExpectations } from '@keyturn/core'
import fc from 'fast-check'
import { AUDIENCE, ISSUER } from './signers.ts'

/** What a service asks of tokens, in our words; everybody is told the same, as far as they have a word for it. */
export type Policy = TokenExpectations & { readonly clockToleranceSeconds: number }

/** What most services ask. */
export const USUAL_POLICY: Policy = { issuer: ISSUER, audience: AUDIENCE, clockToleranceSeconds: 5 }

const optional = <T>(...values: readonly T[]) => fc.oneof(fc.constant(undefined), fc.constantFrom(...values))

/** Policies by chance, the usual one most of the time. */
export const policies: fc.Arbitrary<Policy> = fc.oneof(
  fc.constant(USUAL_POLICY),
  fc
    .record({
      audience: fc.constantFrom(AUDIENCE, ['shipping', AUDIENCE], ['shipping'], null),
      clockToleranceSeconds: fc.constantFrom(0, 5, 60),
      algorithms: optional(availableAlgorithms().slice(0, 4), availableAlgorithms().slice(6)),
      typ: fc.constantFrom(undefined, 'AT+JWT', 'JWT', null, null),
      requiredClaims: optional([], ['sub', 'x'], ['exp', 'nbf']),
      maxAgeSeconds: optional(1, 10, 3600),
    })
    .map((policy) => ({ issuer: ISSUER, ...policy })) as fc.Arbitrary<Policy>,
)
