import { type JsonObject, parseJsonObject, splitCompact, TokenRejected } from '@keyturn/core'

/** In characters; there is no longer one to be looked at. */
export const LONGEST_INPUT = 65_536
const MAX_DEPTH = 32

/** What a token says of itself. Nothing of it is checked: anyone can have written it. */
export interface UnverifiedToken {
  readonly header: JsonObject
  readonly payload: JsonObject
}

/**
 * Decodes a token for a person to read.
 *
 * @throws {TokenRejected} when it is no compact JWS that holds JSON
 */
export function inspectToken(token: string): UnverifiedToken {
  const { header, payload } = splitCompact(token, LONGEST_INPUT)
  return { header: decode(header, 'header_malformed'), payload: decode(payload, 'payload_malformed') }
}

function decode(part: string, code: 'header_malformed' | 'payload_malformed'): JsonObject {
  const value = parseJsonObject(Buffer.from(part, 'base64url'), MAX_DEPTH)
  if (value === undefined) throw new TokenRejected(code)
  return value
}
