/** Rewrites signatures between the form that `node:crypto` speaks by default and the one that a JWS has. */
export interface SignatureCodec {
  /** From that of a JWS, whose length has been checked. */
  toNative(signature: Uint8Array): Uint8Array
  /** To that of a JWS; `undefined` for bytes that are no signature in the other form. */
  fromNative(native: Uint8Array): Uint8Array | undefined
}

const SEQUENCE = 0x30
const INTEGER = 0x02
/** The tag of a length that takes one byte more (X.690, section 8.1.3.5). */
const LONG_LENGTH = 0x81
const LONGEST_SHORT_LENGTH = 0x7f

/**
 * ECDSA: DER below (RFC 3279, section 2.2.3), r||s above, each in the full length of a coordinate (RFC 7518, section 3.4).
 * `node:crypto` does the same when it is told to, and takes longer over it (docs/performance.md). Which r and s are in range
 * stays its judgement: no two pairs are written alike, and DER has one spelling of each.
 */
export function ecdsaCodec(coordinateBytes: number): SignatureCodec {
  return Object.freeze({
    toNative: (signature: Uint8Array) => toDer(signature, coordinateBytes),
    fromNative: (native: Uint8Array) => fromDer(native, coordinateBytes),
  })
}

function toDer(signature: Uint8Array, coordinateBytes: number): Uint8Array {
  const r = integerAt(signature, 0, coordinateBytes)
  const s = integerAt(signature, coordinateBytes, 2 * coordinateBytes)
  const bodyBytes = 4 + r.length + s.length
  const der = Buffer.allocUnsafe((bodyBytes > LONGEST_SHORT_LENGTH ? 3 : 2) + bodyBytes)
  let at = 0
  der[at++] = SEQUENCE
  if (bodyBytes > LONGEST_SHORT_LENGTH) der[at++] = LONG_LENGTH
  der[at++] = bodyBytes
  at = writeInteger(der, at, signature, r)
  writeInteger(der, at, signature, s)
  return der
}

/** Where the least bytes of a number are, and how many it takes with the zero that keeps it positive. */
interface Integer {
  readonly from: number
  readonly to: number
  readonly length: number
}

function integerAt(signature: Uint8Array, start: number, to: number): Integer {
  let from = start
  // zero has one byte
  while (from < to - 1 && signature[from] === 0) from++
  return { from, to, length: to - from + (isNegative(signature[from]) ? 1 : 0) }
}

function writeInteger(der: Buffer, start: number, signature: Uint8Array, integer: Integer): number {
  let at = start
  der[at++] = INTEGER
  der[at++] = integer.length
  if (integer.length > integer.to - integer.from) der[at++] = 0
  for (let from = integer.from; from < integer.to; from++) der[at++] = signature[from] ?? 0
  return at
}

/** Takes what {@link toDer} writes and nothing else: two integers, none negative, none longer than a coordinate. */
function fromDer(der: Uint8Array, coordinateBytes: number): Uint8Array | undefined {
  const isLong = der[1] === LONG_LENGTH
  const bodyStart = isLong ? 3 : 2
  const bodyBytes = der[bodyStart - 1] ?? 0
  if (der[0] !== SEQUENCE || der.length !== bodyStart + bodyBytes) return undefined
  if (isLong !== bodyBytes > LONGEST_SHORT_LENGTH) return undefined
  const signature = Buffer.alloc(2 * coordinateBytes)
  const r = { signature, from: 0, to: coordinateBytes }
  const middle = readInteger(der, bodyStart, r)
  const s = { signature, from: coordinateBytes, to: signature.length }
  const end = middle === undefined ? undefined : readInteger(der, middle, s)
  return end === der.length ? signature : undefined
}

/** A number of r||s: zeros, until it is written. Not a view, which costs more than all that is done with it. */
interface Coordinate {
  readonly signature: Buffer
  readonly from: number
  readonly to: number
}

/** Says where the integer ends; `undefined` unless it is one in its least bytes, not negative, and fits. */
function readInteger(der: Uint8Array, start: number, coordinate: Coordinate): number | undefined {
  const length = der[start + 1] ?? 0
  const first = start + 2
  const end = first + length
  if (der[start] !== INTEGER || length === 0 || isNegative(der[first])) return undefined
  const isPadded = der[first] === 0 && length > 1
  if (isPadded && !isNegative(der[first + 1])) return undefined
  let from = isPadded ? first + 1 : first
  let at = coordinate.to - (end - from)
  if (at < coordinate.from) return undefined
  while (from < end) coordinate.signature[at++] = der[from++] ?? 0
  return end
}

function isNegative(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x80
}
