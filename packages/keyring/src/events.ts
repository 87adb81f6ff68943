import type { Failure } from './failure-streak.ts'
import type { Decision } from './plan.ts'
import type { StoreOperation } from './reporting-store.ts'
import type { RingChange } from './ring-changes.ts'

/** What happens to the keys, for logs, metrics and audit. Kids and codes, never key material. Times in milliseconds. */
export type KeyringEvent =
  | { readonly kind: 'ring-created'; readonly activeKid: string; readonly nextKid: string }
  /** A pair was made: a next key, or in an emergency one that signs at once. */
  | { readonly kind: 'key-created'; readonly kid: string; readonly activateAt: number }
  /** An operator put a key of their own in the place of the next one, or where there was none. */
  | {
      readonly kind: 'key-imported'
      readonly kid: string
      readonly activateAt: number
      readonly replacedKid: string | null
    }
  | { readonly kind: 'key-activated'; readonly kid: string; readonly previousKid: string }
  | { readonly kind: 'key-erased'; readonly kids: readonly string[] }
  | { readonly kind: 'key-removed'; readonly kids: readonly string[] }
  | { readonly kind: 'max-ttl-raised'; readonly kids: readonly string[] }
  /** An operator brought an activation forward; `forced` when the lead had not passed. Asking for the same again is silent. */
  | {
      readonly kind: 'rotation-requested'
      readonly kid: string
      readonly activateAt: number
      readonly forced: boolean
    }
  /** `early`: because of this, a key signs now that was not published for its lead. */
  | {
      readonly kind: 'key-revoked'
      /** The key that was asked for. */
      readonly revokedKid: string
      /** Every key that went, that one first. */
      readonly revokedKids: readonly string[]
      readonly reason: string
      readonly activeKid: string
      readonly early: boolean
    }
  /** An operator lets a ring sign that came out of a backup. */
  | { readonly kind: 'ring-confirmed'; readonly generation: number }
  /** Another process wrote the ring. */
  | { readonly kind: 'ring-adopted'; readonly generation: number }
  /** A step of the schedule failed. `due`: what it had to do; `add-next` is the rotation, the rest is housekeeping. */
  | ({ readonly kind: 'rotation-failed'; readonly due: readonly Decision['kind'][] } & Failure)
  | { readonly kind: 'rotation-recovered'; readonly failures: number }
  /** The store cannot be read, or holds something else; the ring in memory goes on. Said once, until something else is wrong. */
  | { readonly kind: 'store-unreadable'; readonly code: string }
  /** Every single time that the store fails: for counting. */
  | { readonly kind: 'store-failed'; readonly operation: StoreOperation; readonly code: string }
  /** Wall clock and monotonic clock went apart by so much; nothing irreversible happens until they agree for a lead. */
  | { readonly kind: 'clock-jumped'; readonly byMs: number }

/**
 * What a write is told of as, by what it changes. What an operator asks for by name has an event of its own beside, or instead: it
 * says who, why and for which key.
 */
export function eventsOf(changes: readonly RingChange[], generation: number): readonly KeyringEvent[] {
  const kidsOf = (kind: 'key-erased' | 'key-removed' | 'max-ttl-raised') =>
    changes.flatMap((it) => (it.change === kind ? [it.kid] : []))
  const single = changes.flatMap((it): readonly KeyringEvent[] => {
    if (it.change === 'ring-confirmed') return [{ kind: it.change, generation }]
    if (it.change !== 'key-created' || it.origin === 'imported') return []
    return [{ kind: it.change, kid: it.kid, activateAt: it.activateAt }]
  })
  const together = (['key-removed', 'key-erased', 'max-ttl-raised'] as const)
    .map((kind) => ({ kind, kids: kidsOf(kind) }))
    .filter(({ kids }) => kids.length > 0)
  return [...single, ...together]
}
