import { DEFAULT_POLICY, KeyManager, MemoryKeyStore } from '@keyturn/keyring'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AuditEvent, type AuditLine, chainHash } from './audit-chain.ts'
import { signCheckpoint } from './checkpoint.ts'
import { inspectAudit, isRolledBack, revokedKids } from './inspection.ts'

const policy = { ...DEFAULT_POLICY, algorithm: 'ES256' } as const
const LOG = 'log-1'
let keys: KeyManager
let lines: AuditLine[]

beforeEach(async () => {
  keys = await KeyManager.open({ store: new MemoryKeyStore(), policy })
  lines = []
  const created = keys
    .ring()
    .keys.map(({ kid, alg, publicJwk }) => ({ change: 'key-created', kid, alg, publicJwk }))
  append({ kind: 'ring-write', at: 1, changes: created })
})
afterEach(() => keys.close())

function append(event: AuditEvent): AuditLine {
  const [seq, body] = [lines.length + 1, JSON.stringify(event)]
  const line = { seq, body, hash: chainHash(lines.at(-1)?.hash ?? null, seq, body) }
  lines.push(line)
  return line
}
const checkpoint = (line: AuditLine, log = LOG) =>
  signCheckpoint(keys, log, { seq: line.seq, hash: line.hash })
const inspect = (checkpoints: readonly string[] = [], ringHead?: AuditLine, log = LOG) =>
  inspectAudit(lines, { log: LOG, ringMark: ringHead && { ...ringHead, log }, checkpoints, clientIds: [] })

describe('an inspection of the audit log (R50)', () => {
  it('believes the checkpoints in the log, those from elsewhere, and the ring', async () => {
    const line = append({ kind: 'tested', at: 2 })
    append({ kind: 'checkpoint', at: 3, checkpoint: await checkpoint(line) })
    expect(inspect([await checkpoint(line)], line)).toEqual({
      lines: 3,
      heads: 3,
      flaw: undefined,
      refused: 0,
    })
  })

  it('finds what was cut off after a checkpoint, or after the ring was last written', async () => {
    const line = append({ kind: 'tested', at: 2 })
    const elsewhere = await checkpoint(line)
    lines.pop()
    expect(inspect().flaw).toBeUndefined()
    expect(inspect([elsewhere]).flaw).toEqual({ seq: 2, flaw: 'cut-off' })
    expect(inspect([], line).flaw).toEqual({ seq: 2, flaw: 'cut-off' })
  })

  it('finds what was cut off by the clients that nobody has recorded, or only up to their end', () => {
    const found = (...clientIds: string[]) =>
      inspectAudit(lines, { log: LOG, ringMark: undefined, checkpoints: [], clientIds }).flaw
    for (const clientId of ['c1', 'c2']) append({ kind: 'client-created', at: 2, client: { clientId } })
    append({ kind: 'client-deleted', at: 3, client: { clientId: 'c2' } })
    append({ kind: 'client-secret-replaced', at: 3, client: { clientId: 'c3' } })
    expect(found()).toBeUndefined()
    expect(found('c1')).toBeUndefined()
    expect(found('c1', 'c2')).toEqual({ seq: 6, flaw: 'cut-off' })
    expect(found('c3')).toEqual({ seq: 6, flaw: 'cut-off' })
  })

  it('finds a log that was written anew from a line on, with hashes that fit', async () => {
    const line = append({ kind: 'tested', at: 2 })
    const elsewhere = await checkpoint(line)
    lines.pop()
    append({ kind: 'harmless', at: 2 })
    expect(inspect([elsewhere]).flaw).toEqual({ seq: 2, flaw: 'altered' })
  })

  it('believes no checkpoint of another log, of another key, with another content, or of another kind', async () => {
    const line = append({ kind: 'tested', at: 2 })
    const other = await KeyManager.open({ store: new MemoryKeyStore(), policy })
    const head = { seq: line.seq, hash: line.hash }
    const good = await checkpoint(line)
    const [header, , signature] = good.split('.')
    const payload = Buffer.from(JSON.stringify({ audit_log: LOG, seq: 1, hash: line.hash })).toString(
      'base64url',
    )
    const bad = [
      await checkpoint(line, 'log-2'),
      await signCheckpoint(other, LOG, head),
      `${header}.${payload}.${signature}`,
      await keys.sign({ audit_log: LOG, ...head }, { ttlSeconds: 1, typ: 'at+jwt' }),
      'no.checkpoint',
      'a.b.c',
    ]
    expect(inspect(bad)).toEqual({ lines: 2, heads: 0, flaw: undefined, refused: bad.length })
    await other.close()
  })

  it('finds another log in the place of the one that the ring remembers', () => {
    const line = append({ kind: 'tested', at: 2 })
    expect(inspect([], line).flaw).toBeUndefined()
    expect(inspect([], line, 'log-2').flaw).toEqual({ seq: 2, flaw: 'replaced' })
  })

  it('says of a line with a key that it was altered, also where the key is none any more', async () => {
    const own = await checkpoint(append({ kind: 'tested', at: 2 }))
    append({ kind: 'checkpoint', at: 3, checkpoint: own })
    lines[0] = { ...(lines[0] as AuditLine), body: lines[0]?.body.replace('"P-256"', '"P-255"') ?? '' }
    expect(inspect([own]).flaw).toEqual({ seq: 1, flaw: 'altered' })
  })
})

describe('a ring that is older than its log (R16, R21)', () => {
  it('is one of which the log knows two later writes, since it was made', () => {
    const write = (generation: number) =>
      append({ kind: 'ring-write', at: generation, generation, changes: [] })
    for (const generation of [2, 3, 4]) write(generation)
    expect([2, 3, 4, 5].map((generation) => isRolledBack(generation, lines))).toEqual([
      true,
      false,
      false,
      false,
    ])
    append({ kind: 'ring-write', at: 9, generation: 1, changes: [] })
    expect(isRolledBack(1, lines)).toBe(false)
    write(1_000_007)
    expect([isRolledBack(1, lines), isRolledBack(1_000_006, lines)]).toEqual([true, false])
  })
})

describe('what the log knows to be revoked (R21, R50)', () => {
  const write = (kid: string, generation: number) =>
    append({ kind: 'ring-write', at: 5, generation, changes: [{ change: 'key-revoked', kid }] })

  it('is what was written, or may have been; not what lost to another writer', () => {
    write('k1', 2)
    write('k2', 3)
    append({
      kind: 'ring-write-failed',
      at: 5,
      generation: 3,
      failed: 'store_failed',
      record: 3,
      changes: [],
    })
    write('k3', 4)
    append({
      kind: 'ring-write-failed',
      at: 5,
      generation: 4,
      failed: 'store_conflict',
      record: 5,
      changes: [],
    })
    lines.push({ seq: lines.length + 1, body: 'garbled', hash: '' })
    expect([...revokedKids(lines)]).toEqual(['k1', 'k2'])
  })

  it('is what won against another write of the same client in the same millisecond', () => {
    append({ kind: 'ring-write', at: 5, generation: 2, changes: [] })
    write('k1', 2)
    append({
      kind: 'ring-write-failed',
      at: 5,
      generation: 2,
      failed: 'store_conflict',
      record: 2,
      changes: [],
    })
    expect([...revokedKids(lines)]).toEqual(['k1'])
  })
})
