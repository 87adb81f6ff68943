export {
  ALGORITHM_NAMES,
  ALGORITHMS,
  type AlgorithmName,
  type CryptoOptions,
  isAlgorithmName,
  type SignatureAlgorithm,
} from './algorithms.ts'
export {
  assertAlgorithmAvailable,
  availableAlgorithms,
  isAlgorithmAvailable,
} from './available-algorithms.ts'
export { decodeBase64url, encodeBase64url } from './base64url.ts'
export { claimedIssuer } from './claimed-issuer.ts'
export type { EndOfClaims, TokenClaims } from './claims.ts'
export { type CryptoKeyInput, cryptoKeyInput } from './crypto-key-input.ts'
export { LATE, orLate } from './deadline.ts'
export { formatDuration, parseDuration } from './duration.ts'
export type { SignatureCodec } from './ecdsa-signature.ts'
export { errnoOf } from './errno.ts'
export { errorCodeOf } from './error-code.ts'
export {
  KeysUnavailable,
  KeyturnError,
  TOKEN_REJECTIONS,
  TokenRejected,
  type TokenRejectionCode,
} from './errors.ts'
export { warnOfFailure } from './failure-warning.ts'
export { elapsedMs, type Instant, instantOf } from './instant.ts'
export { isolatedListener } from './isolated-listener.ts'
export {
  deepFreeze,
  isJsonObject,
  isStringArray,
  type JsonObject,
  parseIJsonObject,
  parseJsonObject,
} from './json.ts'
export {
  isKid,
  type JwkOptions,
  type JwkRefusalCode,
  JwkRefused,
  parseJwk,
  type VerificationKey,
} from './jwk.ts'
export {
  JWK_SET_LIMITS,
  type JwkSet,
  type JwkSetDocument,
  type JwkSetRefusalCode,
  JwkSetRefused,
  type JwkSetSignature,
  type KeySetEdition,
  parseJwkSet,
  type SkippedKey,
} from './jwk-set.ts'
export { type CompactJws, signCompact, splitCompact, verifySignature } from './jws.ts'
export { KEY_SET_PATHS } from './key-set-paths.ts'
export { isLoopback } from './loopback.ts'
export { assertNames, meantName } from './option-names.ts'
export { definedIn, ownOptions } from './own-options.ts'
export { type Clock, LONGEST_TIMER_MS, type SigningKey, systemClock } from './ports.ts'
export type { PublicJwk, PublishedJwk } from './public-jwk.ts'
export { type ClientSession, type Session, type SessionBase, sessionOf, type UserSession } from './session.ts'
export {
  SIGNED_JWK_SET_TYP,
  type SignedJwkSetClaims,
  type SignedJwkSetExpectations,
  SignedJwkSetReader,
} from './signed-jwk-set.ts'
export { hasStrayPassword } from './stray-password.ts'
export { requiredMembers, thumbprint } from './thumbprint.ts'
export {
  type ParsedToken,
  TokenChecker,
  type TokenHeader,
  type VerifiedToken,
} from './token.ts'
export { DEFAULT_MAX_TOKEN_LENGTH, type TokenExpectations } from './token-expectations.ts'
export { urlBelow } from './url-below.ts'
