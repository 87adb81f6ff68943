import { KeyturnError } from './errors.ts'

const UNITS = Object.freeze({ ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 })
const DURATION = /^(\d{1,12}(?:\.\d{1,3})?)(ms|s|m|h|d)$/

/**
 * Parses a duration such as `15s`, `0.2s`, `24h` or `7d` into milliseconds. A bare `0` is allowed, any other number
 * without unit is not.
 *
 * @throws {KeyturnError} `duration_malformed`
 */
export function parseDuration(text: string): number {
  if (text === '0') return 0
  const [, amount, unit] = DURATION.exec(text) ?? []
  const ms = Number(amount) * UNITS[unit as keyof typeof UNITS]
  if (!Number.isSafeInteger(Math.round(ms))) {
    throw new KeyturnError('duration_malformed', 'expected a duration such as 500ms, 15s, 5m, 24h or 7d')
  }
  return Math.round(ms)
}

/** Writes milliseconds in the largest unit that keeps them exact: `900000` is `15m`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  const units = Object.entries(UNITS).reverse()
  const [unit, size] = units.find(([, unitMs]) => ms % unitMs === 0) ?? ['ms', 1]
  return `${ms / size}${unit}`
}
