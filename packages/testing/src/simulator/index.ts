export { type SimulationOptions, type SimulationOutcome, simulate } from './simulate.ts'
