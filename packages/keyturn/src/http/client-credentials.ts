import type { IncomingMessage } from 'node:http'
import { HttpRefusal } from './problem.ts'

/** What a client says of itself. */
export interface ClientCredentials {
  readonly clientId: string
  readonly secret: string
}

const BASIC = /^Basic +([A-Za-z0-9+/]+={0,2})$/i

/**
 * The one `Authorization` of a request; of several, a proxy may have looked at another than we would.
 *
 * @throws {HttpRefusal} `authorization_malformed`
 */
export function authorizationOf(message: IncomingMessage): string | undefined {
  const [value, ...more] = message.headersDistinct.authorization ?? []
  if (more.length === 0) return value
  throw new HttpRefusal(400, 'authorization_malformed', 'expected one Authorization header')
}

/**
 * Reads HTTP Basic credentials. Id and secret are form-encoded before they are put together (RFC 6749, section 2.3.1).
 * `undefined` where there are none, `null` for some that cannot be read.
 */
export function basicCredentials(authorization: string | undefined): ClientCredentials | undefined | null {
  if (authorization === undefined || !/^Basic\b/i.test(authorization)) return undefined
  const encoded = BASIC.exec(authorization)?.[1]
  if (encoded === undefined) return null
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 1) return null
  try {
    return { clientId: decodeForm(text.slice(0, colon)), secret: decodeForm(text.slice(colon + 1)) }
  } catch {
    return null
  }
}

/** The challenge to who should have said which client it is (RFC 7617). */
export const BASIC_CHALLENGE = 'Basic realm="keyturn", charset="UTF-8"'

function decodeForm(text: string): string {
  return decodeURIComponent(text.replace(/\+/g, ' '))
}
