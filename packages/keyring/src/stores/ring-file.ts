import { createHash } from 'node:crypto'
import { KeyturnError } from '@keyturn/core'
import type { KeyRing } from '../ring.ts'
import { RingUnopened } from './key-store.ts'
import { readPrivateFile } from './private-files.ts'
import { decodeRing, encodeRing, RingMalformed } from './ring-codec.ts'
import type { Sealing } from './ring-sealer.ts'

const NAME = /^ring\.(\d{12})\.json$/
const HEADER = /^keyturn-ring 1 generation (\d{1,12}) sha256 ([0-9a-f]{64})$/
const MAX_BYTES = 16 * 1024 * 1024
const LAST_GENERATION = 999_999_999_999
const NEWLINE = 0x0a
const OPENING_BRACE = 0x7b

/** The file of a generation: `ring.000000000001.json`. Names sort as generations do. */
export function ringFileName(generation: number): string {
  return `ring.${String(generation).padStart(12, '0')}.json`
}

/** The generation that a file name stands for; `undefined` for any other file. */
export function generationOf(fileName: string): number | undefined {
  const digits = NAME.exec(fileName)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/**
 * Two lines: what the file is, with a checksum over the second; and the ring, sealed where there is a sealer.
 *
 * @throws {KeyturnError} `ring_too_large`: nobody could read it
 */
export async function encodeRingFile(ring: KeyRing, { sealer }: Sealing = {}): Promise<Buffer> {
  if (ring.generation > LAST_GENERATION) {
    throw new KeyturnError(
      'store_failed',
      'the ring has come to the last generation that a file name can hold',
    )
  }
  const plain = encodeRing(ring)
  const body = sealer === undefined ? plain : await sealer.seal(Buffer.from(plain))
  const file = Buffer.from(
    `keyturn-ring 1 generation ${ring.generation} sha256 ${sha256(Buffer.from(body))}\n${body}\n`,
  )
  if (file.length > MAX_BYTES) {
    throw new KeyturnError('ring_too_large', `the ring would have ${file.length} bytes, of ${MAX_BYTES}`, {
      remedy: 'give a shorter reason for the revocation',
    })
  }
  return file
}

/**
 * The bytes of a file that should hold a ring: no link, of nobody else, and of a size that a ring can have.
 *
 * @throws {RingMalformed} it is larger
 * @throws {KeyturnError} `store_unsafe`
 * @throws what the file system throws
 */
export async function readRingFile(path: string): Promise<Buffer> {
  const file = await readPrivateFile(path, MAX_BYTES)
  if (file === undefined) throw new RingMalformed(`expected at most ${MAX_BYTES} bytes`)
  return file
}

/**
 * Reads what {@link encodeRingFile} wrote; for the generation that the file's name claims, if it claims one.
 *
 * @throws {RingMalformed} for anything else: cut short, edited, renamed
 * @throws {RingUnopened} `ring_sealed`, `ring_unsealed`, `kek_unknown`
 * @throws what else the sealer throws
 */
export async function decodeRingFile(
  file: Buffer,
  { generation = claimOf(file), ...sealing }: Sealing & { readonly generation?: number } = {},
): Promise<KeyRing> {
  const body = checkRingFile(file, generation)
  const ring = decodeRing(
    await opened(body, sealing).catch((error: unknown) => {
      throw isUnopened(error) ? unopened(generation, error) : error
    }),
  )
  if (ring.generation !== generation) {
    throw new RingMalformed('expected the generation that the name of the file says')
  }
  return ring
}

/**
 * Says that a file is whole, by its checksum, at a small part of the cost of reading the ring. Gives the line with the ring.
 *
 * @throws {RingMalformed}
 */
export function checkRingFile(file: Buffer, generation: number): Buffer {
  const { end, header } = headerOf(file)
  if (header === null || file.at(-1) !== NEWLINE) throw new RingMalformed('expected a ring file, whole')
  const body = file.subarray(end + 1, -1)
  if (header[2] !== sha256(body)) throw new RingMalformed('expected the checksum to match')
  if (Number(header[1]) !== generation) {
    throw new RingMalformed('expected the generation that the name of the file says')
  }
  return body
}

/** A ring that somebody put there in the clear could hold keys of their own, so it is not taken where rings are sealed. */
async function opened(body: Buffer, { sealer, acceptUnsealed = false }: Sealing): Promise<Uint8Array> {
  const isSealed = body[0] !== OPENING_BRACE
  if (isSealed && sealer !== undefined) return await sealer.open(body.toString('latin1'))
  if (isSealed) {
    throw new KeyturnError('ring_sealed', 'the ring is sealed, and there is no key to open it', {
      remedy: 'give the key: KEYTURN_KEYS_ENCRYPTION_KEY_FILE',
    })
  }
  if (sealer === undefined || acceptUnsealed) return body
  throw new KeyturnError('ring_unsealed', 'the ring is not sealed, though there is a key to seal it', {
    remedy: 'if nobody can have put it there, seal it: keyturn keys rewrap',
  })
}

function isUnopened(error: unknown): error is KeyturnError & { readonly code: RingUnopened['code'] } {
  return error instanceof KeyturnError && ['ring_sealed', 'ring_unsealed', 'kek_unknown'].includes(error.code)
}

function unopened(
  generation: number,
  cause: KeyturnError & { readonly code: RingUnopened['code'] },
): RingUnopened {
  return new RingUnopened(cause.code, generation, cause.message, { remedy: cause.remedy, cause })
}

/** The generation that the file itself claims; nothing that a ring has where it claims none. */
function claimOf(file: Buffer): number {
  return Number(headerOf(file).header?.[1] ?? 0)
}

/** The checksum that a file claims: of two rings, and of two that were sealed, it is never the same. */
export function checksumOf(file: Buffer): string | undefined {
  return headerOf(file).header?.[2]
}

function headerOf(file: Buffer): { readonly end: number; readonly header: RegExpExecArray | null } {
  const end = file.indexOf(NEWLINE)
  return { end, header: HEADER.exec(file.subarray(0, Math.max(0, end)).toString('latin1')) }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
