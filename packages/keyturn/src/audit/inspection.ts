import { isJsonObject, type JsonObject, parseJsonObject, TokenRejected } from '@keyturn/core'
import { type AuditFlaw, type AuditHead, type AuditLine, findFlaw } from './audit-chain.ts'
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
  /** What the ring remembers. */
  readonly ringHead: AuditHead | undefined
  /** Checkpoints that were kept elsewhere. */
  readonly checkpoints: readonly string[]
}

const DEPTH = 16

/** Holds a log against its own chain, its own checkpoints, and what others remember of it. */
export function inspectAudit(
  lines: readonly AuditLine[],
  { log, ringHead, checkpoints }: AuditWitnesses,
): AuditInspection {
  const events = lines.map(({ body }) => parseJsonObject(Buffer.from(body), DEPTH))
  const keys = new Map(events.flatMap(createdKeys))
  const read = (jws: string) => headOf(jws, log, (kid) => keys.get(kid))
  const own = events.flatMap((event) =>
    typeof event?.checkpoint === 'string' ? [read(event.checkpoint)] : [],
  )
  const given = checkpoints.map(read)
  const heads = [...own, ...given, ringHead].filter((head) => head !== undefined)
  return {
    lines: lines.length,
    heads: heads.length,
    flaw: findFlaw(lines, heads),
    refused: given.filter((head) => head === undefined).length,
  }
}

function headOf(
  jws: string,
  log: string,
  keyOf: (kid: string) => JsonObject | undefined,
): AuditHead | undefined {
  try {
    return readCheckpoint(jws, log, keyOf)
  } catch (error) {
    if (error instanceof TokenRejected) return undefined
    throw error
  }
}

/** Every key that was ever revoked, by the log: a backup may not know of it. */
export function revokedKids(lines: readonly AuditLine[]): ReadonlySet<string> {
  const changes = lines.flatMap(({ body }) => changesOf(parseJsonObject(Buffer.from(body), DEPTH)))
  const revoked = changes.filter(({ change }) => change === 'key-revoked')
  return new Set(revoked.map(({ kid }) => String(kid)))
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
