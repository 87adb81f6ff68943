import { createHash } from 'node:crypto'

/** What happened, as it is written down: who, when, and what it changed. Never a secret. Times in milliseconds. */
export interface AuditEvent {
  readonly kind: string
  readonly at: number
  readonly [detail: string]: unknown
}

/** A line of the log, which holds the hash of all that came before it. */
export interface AuditLine {
  /** From 1, without gaps. */
  readonly seq: number
  /** The {@link AuditEvent} as JSON, exactly as it was hashed. */
  readonly body: string
  readonly hash: string
}

/** The last line of a log, as it was once. */
export interface AuditHead {
  readonly seq: number
  readonly hash: string
}

/** Before the first line. */
const GENESIS = '0'.repeat(64)

/** The hash of a line: over the line before it, its place, and what it says. Hexadecimal SHA-256. */
export function chainHash(before: string | null, seq: number, body: string): string {
  return createHash('sha256')
    .update(`${before ?? GENESIS}\n${seq}\n${body}`)
    .digest('hex')
}

/** What is wrong with a log. */
export interface AuditFlaw {
  readonly seq: number
  readonly flaw: 'altered' | 'removed' | 'cut-off' | 'replaced'
}

/**
 * Finds the first line that is not as it was written: altered, removed, or, where `heads` say how far the log once went,
 * cut off.
 *
 * @param lines in order
 * @param heads what others remember of the log: the ring, and checkpoints that were signed
 */
export function findFlaw(
  lines: readonly AuditLine[],
  heads: readonly AuditHead[] = [],
): AuditFlaw | undefined {
  let before: AuditLine | undefined
  for (const line of lines) {
    const seq = (before?.seq ?? 0) + 1
    if (line.seq !== seq) return { seq, flaw: 'removed' }
    if (line.hash !== chainHash(before?.hash ?? null, seq, line.body)) return { seq, flaw: 'altered' }
    before = line
  }
  for (const { seq, hash } of heads) {
    const line = lines[seq - 1]
    if (line === undefined) return { seq, flaw: 'cut-off' }
    if (line.hash !== hash) return { seq, flaw: 'altered' }
  }
  return undefined
}
