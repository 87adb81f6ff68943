import type { JwkSet } from '@keyturn/core'

/** Whether a set is older than the one that is known, and so must not take its place. */
export function isOlder(offered: JwkSet, known: JwkSet, pastRings: ReadonlySet<string>): boolean {
  const [is, was] = [offered.edition, known.edition]
  if (is === undefined || was === undefined) return false
  if (is.ring === was.ring) return is.version < was.version
  // one ring is not older than another, but a root key dates what it signs: a ring that was given up is not to be replayed
  const [issuedAt, knownAt] = [offered.signature?.issuedAt, known.signature?.issuedAt]
  if (issuedAt === undefined || knownAt === undefined) return false
  return issuedAt < knownAt || (issuedAt === knownAt && pastRings.has(is.ring))
}

/** Whether a set has a key that may be used at a time in milliseconds. */
export function hasLivingKey({ keys }: JwkSet, nowMs: number): boolean {
  for (const { expiresAt } of keys.values()) if (nowMs < expiresAt) return true
  return false
}
