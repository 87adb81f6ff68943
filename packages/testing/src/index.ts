export { codeOf } from './code-of.ts'
export { ENDPOINT_FAULTS, type EndpointFault } from './endpoint-faults.ts'
export { type FakeClock, fakeClock } from './fake-clock.ts'
export {
  type GuardAnswer,
  type GuardConformanceCase,
  type GuardedServer,
  type GuardQuestion,
  guardConformance,
  type StartGuarded,
} from './guard-conformance.ts'
export {
  type HostileToken,
  type HostileTokensOptions,
  hostileTokens,
} from './hostile-tokens/hostile-tokens.ts'
export { type ConformanceCase, keyStoreConformance, type StorePlace } from './key-store-conformance.ts'
export type { ListeningEnv, ListeningIssuer } from './listening-issuer.ts'
export type { TestEndpoint } from './test-endpoint.ts'
export { type TestIssuer, type TestIssuerOptions, testIssuer } from './test-issuer.ts'
