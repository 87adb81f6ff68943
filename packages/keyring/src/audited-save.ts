import { errorCodeOf } from '@keyturn/core'
import type { AuditTrail, Errand } from './audit-trail.ts'
import type { AuditMark, KeyRing } from './ring.ts'
import { changesBetween, type RingChange } from './ring-changes.ts'
import { type KeyStore, StoreConflict } from './stores/key-store.ts'

/** For a ring whose embedder keeps no audit log. */
export const NO_AUDIT: AuditTrail = Object.freeze({ record: async () => null })

/** What a ring comes after. */
export interface Predecessor extends Errand {
  /** The ring that it changes; `undefined` for one that is new to its store. */
  readonly before: KeyRing | undefined
  /** The generation that the store must hold. Default: that of `before`, or none. */
  readonly expectedGeneration?: number
  /** What was decided has waited too long for the log, and must be thought over. Default: never. */
  readonly isStale?: () => boolean
  /** Why an operator wants it. Default: nobody said. */
  readonly reason?: string | undefined
}

/** A write that was made. */
export interface AuditedSave {
  /** As it is in the store: it remembers the line of the log. */
  readonly saved: KeyRing
  /** What the log says of it. */
  readonly changes: readonly RingChange[]
}

/** Writes down what a write does, and then makes it. A write that cannot be written down is not made. */
export async function saveAudited(
  { store, audit }: { readonly store: KeyStore; readonly audit: AuditTrail },
  after: KeyRing,
  {
    before,
    expectedGeneration = before?.generation ?? 0,
    isStale = () => false,
    reason,
    requestedBy,
  }: Predecessor,
): Promise<AuditedSave> {
  const { generation, writtenAt: at } = after
  const write = { at, generation, requestedBy }
  const changes = changesBetween(before, after, reason)
  const mark = await audit.record({ ...write, changes })
  const saved = withMark(after, mark)
  try {
    // as if somebody had been first: the decision has no effect, and the log says so
    if (isStale()) throw new StoreConflict()
    await store.save(saved, expectedGeneration, { overAnyRing: before === undefined })
  } catch (error) {
    // best effort: the write has failed, and that is what the caller must hear
    const failed = { code: errorCodeOf(error), record: mark }
    await audit.record({ ...write, failed, changes: [] }).catch(() => null)
    throw error
  }
  return { saved, changes }
}

function withMark(ring: KeyRing, mark: AuditMark | null): KeyRing {
  return Object.freeze({ ...ring, audit: mark })
}
