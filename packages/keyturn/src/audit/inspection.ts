import { isJsonObject, type JsonObject, parseJsonObject } from '@keyturn/core'
import type { AuditMark } from '@keyturn/keyring'
import { type AuditFlaw, type AuditLine, findFlaw } from './audit-chain.ts'
import { readCheckpoint } from './checkpoint.ts'

/** What an inspection of the log came to. */
export interface AuditInspection {
  readonly lines: number
  /** Statements of how far the log had gone, in the log, in the ring and from elsewhere, that could be believed. */
  readonly heads: number
  readonly flaw: AuditFlaw | undefined
  /** Of the checkpoints that were given: not made by this authority for this log. */
  readonly refused: number
}

/** What a log is held to. */
export interface AuditWitnesses {
  readonly log: string
  /** What the ring remembers; `undefined` where there is no ring, or it remembers nothing. */
  readonly ringMark: AuditMark | undefined
  /** Checkpoints that were kept elsewhere. */
  readonly checkpoints: readonly string[]
  /** Clients that there are: each was recorded before it was made. */
  readonly clientIds: readonly string[]
}

const DEPTH = 16

/** Holds a log against its own chain, its own checkpoints, and what others remember of it. */
export function inspectAudit(
  lines: readonly AuditLine[],
  { log, ringMark, checkpoints, clientIds }: AuditWitnesses,
): AuditInspection {
  const events = lines.map(eventOf)
  const keys = new Map(events.flatMap(createdKeys))
  const read = (jws: string) => readCheckpoint(jws, log, (kid) => keys.get(kid))
  const own = events.flatMap((event) =>
    typeof event?.checkpoint === 'string' ? [read(event.checkpoint)] : [],
  )
  const given = checkpoints.map(read)
  const heads = [...own, ...given, ringMark].filter((head) => head !== undefined)
  // another log in its place is whole in itself
  const isReplaced = ringMark !== undefined && ringMark.log !== log
  return {
    lines: lines.length,
    heads: heads.length,
    flaw: isReplaced
      ? { seq: ringMark.seq, flaw: 'replaced' }
      : (findFlaw(lines, heads) ?? missingClient(events, clientIds)),
    refused: given.filter((head) => head === undefined).length,
  }
}

/** The line that makes a client is gone: it is newer than every head, or others would have missed it. */
function missingClient(
  events: readonly (JsonObject | undefined)[],
  clientIds: readonly string[],
): AuditFlaw | undefined {
  const recorded = new Set<unknown>()
  for (const event of events) {
    if (!isJsonObject(event?.client)) continue
    if (event.kind === 'client-created') recorded.add(event.client.clientId)
    if (event.kind === 'client-deleted') recorded.delete(event.client.clientId)
  }
  const isMissing = clientIds.some((clientId) => !recorded.has(clientId))
  return isMissing ? { seq: events.length + 1, flaw: 'cut-off' } : undefined
}

/** The event of a line; `undefined` for one that somebody garbled. */
export function eventOf({ body }: AuditLine): JsonObject | undefined {
  return parseJsonObject(Buffer.from(body), DEPTH)
}

/**
 * Every key of which the log says that it was to be revoked: a backup may not know of it. A write that lost to another writer is
 * no such word; one that failed otherwise is, since it may have had its effect.
 */
export function revokedKids(lines: readonly AuditLine[]): ReadonlySet<string> {
  const revoked = writesOf(lines)
    .flatMap(changesOf)
    .filter(({ change }) => change === 'key-revoked')
  return new Set(revoked.map(({ kid }) => String(kid)))
}

/**
 * Says whether a ring is older than what the log knows to have been saved: a write to generation n + 2 means that n + 1 was.
 */
export function isRolledBack(generation: number, lines: readonly AuditLine[]): boolean {
  return sinceTheRingWasMade(writesOf(lines)).some((write) => Number(write.generation) > generation + 1)
}

/** The latest generation that the log knows of, and the keys that were made after an earlier one. */
export function historySince(
  generation: number,
  lines: readonly AuditLine[],
): { readonly latestGeneration: number; readonly madeKids: readonly string[] } {
  const writes = sinceTheRingWasMade(writesOf(lines))
  const later = writes.filter((write) => Number(write.generation) > generation)
  return {
    latestGeneration: Math.max(0, ...writes.map((write) => Number(write.generation))),
    madeKids: later.flatMap(createdKeys).map(([kid]) => kid),
  }
}

/** `serve --init` makes another ring, which begins at 1. */
function sinceTheRingWasMade(writes: readonly JsonObject[]): readonly JsonObject[] {
  return writes.slice(writes.findLastIndex((write) => Number(write.generation) === 1) + 1)
}

/** The writes that were made, or may have been; not those that lost to another writer. */
function writesOf(lines: readonly AuditLine[]): readonly JsonObject[] {
  const events = lines.map(eventOf)
  const lost = new Set(events.flatMap((event) => (event?.failed === 'store_conflict' ? [event.record] : [])))
  return events.filter(
    (event, index): event is JsonObject => event?.kind === 'ring-write' && !lost.has(lines[index]?.seq),
  )
}

/** Every key is in the log with its public half from before it signed. */
function createdKeys(event: JsonObject | undefined): readonly (readonly [string, JsonObject])[] {
  return changesOf(event).flatMap(({ change, kid, publicJwk, alg }) =>
    change === 'key-created' && typeof kid === 'string' && isJsonObject(publicJwk)
      ? [[kid, { ...publicJwk, alg } as JsonObject] as const]
      : [],
  )
}

function changesOf(event: JsonObject | undefined): readonly JsonObject[] {
  return Array.isArray(event?.changes) ? event.changes.filter(isJsonObject) : []
}
