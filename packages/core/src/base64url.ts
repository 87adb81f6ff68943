const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const TEXT = /^[A-Za-z0-9_-]*$/

/** How many low bits of the last character carry no data, by length modulo 4; -1 where no such length exists. */
const UNUSED_BITS = [0, -1, 0b1111, 0b11] as const

/** Encodes bytes as base64url without padding (RFC 7515, section 2). */
export function encodeBase64url(bytes: Uint8Array | string): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes as Uint8Array)
  return buffer.toString('base64url')
}

/** Decodes text that {@link isCanonicalBase64url} holds for; `undefined` for any other text. */
export function decodeBase64url(text: string): Buffer | undefined {
  return isCanonicalBase64url(text) ? Buffer.from(text, 'base64url') : undefined
}

/** Says whether text is the one spelling of its bytes: the URL alphabet, no padding, unused bits zero. */
export function isCanonicalBase64url(text: string): boolean {
  return TEXT.test(text) && hasCanonicalEnd(text)
}

/** The part of {@link isCanonicalBase64url} that is left when the alphabet has been checked. */
export function hasCanonicalEnd(text: string): boolean {
  const unused = UNUSED_BITS[text.length % 4] ?? -1
  if (unused <= 0) return unused === 0
  return (ALPHABET.indexOf(text.charAt(text.length - 1)) & unused) === 0
}
