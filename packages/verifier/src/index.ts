export {
  type AlgorithmName,
  type ClientSession,
  KeysUnavailable,
  KeyturnError,
  type Session,
  TOKEN_REJECTIONS,
  type TokenClaims,
  TokenRejected,
  type TokenRejectionCode,
  type UserSession,
  type VerifiedToken,
} from '@keyturn/core'
export type { AccessRules } from './access/access-rules.ts'
export {
  authenticateBearer,
  type BearerAdmission,
  type BearerDenial,
  type BearerOptions,
  type BearerOutcome,
  type BearerRefusal,
} from './access/bearer.ts'
export { onVerifierEvent, VERIFIER_EVENTS, type VerifierMessage } from './event-channels.ts'
export type { TokenEvent, VerifierEvent } from './events.ts'
export type { CircuitState } from './key-set/circuit-breaker.ts'
export type { KeySetOrigin } from './key-set/held-set.ts'
export type { FetchKeySet, KeySetResponse } from './key-set/http-fetch.ts'
export { type KeySetFetchCode, KeySetFetchFailed } from './key-set/key-set-fetch-failed.ts'
export type { KeySourceReport } from './key-set/key-source.ts'
export { createMultiVerifier, type MultiVerifier, type MultiVerifierHealth } from './multi-verifier.ts'
export { optionsFromEnv, VERIFIER_VARIABLES, type VerifierVariable } from './options-from-env.ts'
export type { TokenVerifier } from './token-verifier.ts'
export type { TokenEnd } from './token-watch.ts'
export { createVerifier, type Verifier, type VerifierHealth } from './verifier.ts'
export type { VerifierOptions } from './verifier-options.ts'
