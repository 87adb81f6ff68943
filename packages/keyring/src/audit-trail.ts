import type { AuditMark } from './ring.ts'
import type { RingChange } from './ring-changes.ts'

/** Where it is written down what a write does to a ring, before it does. Whoever embeds the ring may leave it out. */
export interface AuditTrail {
  /**
   * Writes down what is about to be written; durable when it resolves. A ring of which this fails is not written.
   *
   * @returns where the record is; the ring remembers it, so that a record that is cut off later is missed. `null` where none
   * is kept
   */
  record(entry: AuditEntry): Promise<AuditMark | null>
}

/** Whom something is done for. */
export interface Errand {
  /** Name for the audit log of who asked for it. Default: nobody did, or whoever runs this process. */
  readonly requestedBy?: string | undefined
}

/** A write to the ring. Times in milliseconds; public halves only. */
export interface AuditEntry extends Errand {
  readonly at: number
  readonly generation: number
  /** Set where a write that was recorded has failed. */
  readonly failed?: FailedWrite
  readonly changes: readonly RingChange[]
}

/** A write that came to nothing, or that may have. */
export interface FailedWrite {
  /** After `store_conflict` the write has no effect, after others it may have had one. */
  readonly code: string
  /** Where the write is recorded: two writes can be alike in all else. */
  readonly record: AuditMark | null
}
