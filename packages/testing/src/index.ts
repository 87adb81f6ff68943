export { type FakeClock, fakeClock } from './fake-clock.ts'
export { type ConformanceCase, keyStoreConformance } from './key-store-conformance.ts'
