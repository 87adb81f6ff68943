export { type SimulationOptions, type SimulationOutcome, simulate } from './simulate.ts'
export type { PromiseId, Violation } from './violation.ts'
