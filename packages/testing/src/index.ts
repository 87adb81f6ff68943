export { type FakeClock, fakeClock } from './fake-clock.ts'
export { type ConformanceCase, keyStoreConformance, type StorePlace } from './key-store-conformance.ts'
export type { TestEndpoint } from './test-endpoint.ts'
export { type TestIssuer, type TestIssuerOptions, testIssuer } from './test-issuer.ts'
