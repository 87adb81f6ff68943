import { createHmac, timingSafeEqual } from 'node:crypto'
import { isJsonObject, KeyturnError } from '@keyturn/core'

/** A key set as it came, and when: what a verifier that starts again may go by. Times are of the wall clock. */
export interface Snapshot {
  readonly body: Uint8Array
  readonly etag: string | undefined
  readonly askedAt: number
  readonly freshMs: number
}

/** What binds a snapshot to a verifier. */
export interface SnapshotSeal {
  /** Where the set comes from: a snapshot of another place is none. */
  readonly url: string
  readonly secret: string
}

/** Clocks that were put right in between may differ by so much. */
const FUTURE_TOLERANCE_MS = 60_000

/** Writes a snapshot down, with a code (HMAC-SHA-256) that only who knows the secret can make. */
export function sealSnapshot({ body, etag, askedAt, freshMs }: Snapshot, seal: SnapshotSeal): string {
  const text = Buffer.from(body).toString('base64')
  const content = JSON.stringify({ url: seal.url, etag, askedAt, freshMs, body: text })
  return JSON.stringify({ content, mac: macOf(content, seal).toString('base64url') })
}

/**
 * Takes a snapshot from text that anyone may have written.
 *
 * @throws {KeyturnError} `snapshot_refused` when it is not whole, of another verifier, or dated in the future
 */
export function openSnapshot(text: string, seal: SnapshotSeal, nowMs: number): Snapshot {
  const sealed = parse(text)
  const { content, mac } = sealed
  if (typeof content !== 'string' || typeof mac !== 'string') throw refused('a sealed snapshot')
  const expected = macOf(content, seal)
  const given = Buffer.from(mac, 'base64url')
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw refused('a snapshot that was sealed with this secret')
  }
  const { url, etag, askedAt, freshMs, body } = parse(content)
  if (url !== seal.url) throw refused('a snapshot of this key set')
  if (!isTime(askedAt) || !isTime(freshMs) || typeof body !== 'string') throw refused('a whole snapshot')
  if (askedAt > nowMs + FUTURE_TOLERANCE_MS) throw refused('a date in the past')
  return {
    body: Buffer.from(body, 'base64'),
    etag: typeof etag === 'string' ? etag : undefined,
    askedAt,
    freshMs,
  }
}

function macOf(content: string, { secret }: SnapshotSeal): Buffer {
  return createHmac('sha256', secret).update('keyturn snapshot 1\0').update(content).digest()
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (isJsonObject(value)) return value
  } catch {
    // without the cause: it quotes what it found
  }
  throw refused('a JSON object')
}

function isTime(value: unknown): value is number {
  return Number.isFinite(value) && (value as number) >= 0
}

function refused(expectation: string): KeyturnError {
  return new KeyturnError('snapshot_refused', `snapshot refused: expected ${expectation}`)
}
