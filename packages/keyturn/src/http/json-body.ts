import { type JsonObject, parseIJsonObject } from '@keyturn/core'
import { HTTP_LIMITS } from './limits.ts'
import { HttpRefusal } from './problem.ts'

const EXPECTED =
  'expected a JSON object in UTF-8, each member once and none named __proto__, whole characters, ' +
  `numbers that a double holds (RFC 7493), at most ${HTTP_LIMITS.jsonDepth} levels`

/**
 * Reads a JSON body: one that two parsers could read differently is refused, since what is signed must be what was meant.
 *
 * @throws {HttpRefusal} `request_malformed`
 */
export function parseJsonBody(body: Uint8Array): JsonObject {
  const value = parseIJsonObject(body, HTTP_LIMITS.jsonDepth)
  if (value === undefined) throw new HttpRefusal(400, 'request_malformed', EXPECTED)
  return value
}
