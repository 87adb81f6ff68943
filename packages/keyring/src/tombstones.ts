/** What is left of a key: neither its times nor the reason of a revocation, which belongs in logs and audit. */
export interface Tombstone {
  readonly kid: string
  readonly fate: 'revoked' | 'removed'
  readonly at: number
}

/**
 * Of keys that simply ended, so many of the last are remembered: 27 years of daily rotations, and a megabyte. A ring that remembered
 * all of them would one day be too large to be written (docs/adr/0030). Revoked keys are remembered for ever.
 */
export const REMOVED_KEYS_REMEMBERED = 10_000

/** Without the oldest that need not be remembered any more; `tombstones` are in the order in which keys went. */
export function worthKeeping(tombstones: readonly Tombstone[]): readonly Tombstone[] {
  let surplus = tombstones.filter(isOfRemoved).length - REMOVED_KEYS_REMEMBERED
  return tombstones.filter((tombstone) => !isOfRemoved(tombstone) || surplus-- <= 0)
}

/** Whether a ring that has these tombstones may have had that one, and have let go of it. */
export function mayHaveLetGo(tombstones: readonly Tombstone[], one: Tombstone): boolean {
  const [oldest, ...others] = tombstones.filter(isOfRemoved)
  const isFull = others.length + 1 >= REMOVED_KEYS_REMEMBERED
  return isOfRemoved(one) && isFull && oldest !== undefined && one.at <= oldest.at
}

function isOfRemoved({ fate }: Tombstone): boolean {
  return fate === 'removed'
}
