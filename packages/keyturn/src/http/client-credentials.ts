import type { IncomingHttpHeaders } from 'node:http'

/** What a client says of itself. */
export interface ClientCredentials {
  readonly clientId: string
  readonly secret: string
}

const BASIC = /^Basic +([A-Za-z0-9+/]+={0,2})$/i

/**
 * Reads HTTP Basic credentials. Id and secret are form-encoded before they are put together (RFC 6749, section 2.3.1).
 * `undefined` without such a header, `null` for one that cannot be read.
 */
export function basicCredentials(headers: IncomingHttpHeaders): ClientCredentials | undefined | null {
  const { authorization } = headers
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

/** The challenge to who should have said who it is. */
export const BASIC_CHALLENGE = Object.freeze({ 'www-authenticate': 'Basic realm="keyturn", charset="UTF-8"' })

function decodeForm(text: string): string {
  return decodeURIComponent(text.replace(/\+/g, ' '))
}
