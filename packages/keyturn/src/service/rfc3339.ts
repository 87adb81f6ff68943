/** Milliseconds as RFC 3339; `null` stays null. */
export function rfc3339(ms: number): string
export function rfc3339(ms: number | null): string | null
export function rfc3339(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}
