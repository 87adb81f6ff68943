import { isJsonObject } from '@keyturn/core'

/** Beyond this a Date is none. */
const LAST_TIME_MS = 8.64e15
/** What is named so is a time: `at`, `activateAt`, `signUntil`. */
const TIME_NAME = /(?:^at|At|Until)$/

/** Milliseconds as RFC 3339; `null` stays null. */
export function rfc3339(ms: number): string
export function rfc3339(ms: number | null): string | null
export function rfc3339(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}

/** Says whether a value can be a time, in milliseconds. */
export function isTime(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= LAST_TIME_MS
}

/** The same, with every time in it as a person reads it. Which members are times their names say. */
export function withTimes(value: object): object
export function withTimes(value: unknown): unknown
export function withTimes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withTimes)
  if (!isJsonObject(value)) return value
  const told = Object.entries(value).map(([name, member]) => [
    name,
    TIME_NAME.test(name) && isTime(member) ? rfc3339(member) : withTimes(member),
  ])
  return Object.fromEntries(told)
}
