import type { AuditEvent, AuditHead, AuditLine } from './audit-chain.ts'

/** Where the audit log is kept. It only grows; nothing in it changes. */
export interface AuditLog {
  /** Adds a line to the chain; durable when it resolves. Writers in several processes make one chain. */
  append(event: AuditEvent): Promise<AuditHead>
  /** Tells this log from one that was made in its place. */
  logId(): Promise<string>
  /** The last line; `undefined` for an empty log. */
  head(): Promise<AuditHead | undefined>
  /** Every line, in order. */
  lines(): Promise<readonly AuditLine[]>
}
