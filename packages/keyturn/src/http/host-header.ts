import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'

/** `host[:port]` of RFC 9110, section 7.2, as far as it can name this machine: an address of version 6 in brackets, or one word. */
const HOST = /^(?:\[([\da-f:.]+)\]|([\w.-]+))(?::(\d{0,5}))?$/i
const MAX_PORT = 65_535
/** The authority of a target in absolute form (RFC 9112, section 3.2.2). */
const AUTHORITY = /^[a-z][a-z\d+.-]*:\/\/([^/?#]*)/i

/**
 * Says whether a request names one host at the most: one `Host`, and the same one in a target that holds one. What is before
 * this listener may have gone by the other (RFC 9112, section 3.2).
 */
export function isOfOneHost({ url = '', rawHeaders }: Pick<IncomingMessage, 'url' | 'rawHeaders'>): boolean {
  const hosts = rawHeaders.filter((_, i) => rawHeaders[i - 1]?.toLowerCase() === 'host' && i % 2 === 1)
  const named = AUTHORITY.exec(url)?.[1]
  return hosts.length <= 1 && (named === undefined || named.toLowerCase() === hosts[0]?.toLowerCase())
}

/**
 * Says whether a `Host` is one under which the admin listener is asked on purpose: an address, `localhost`, or its own name.
 * A page in a browser can make its own name point to any address; it cannot change the `Host` that the browser then sends.
 */
export function isExpectedHost(header: string | undefined, own: string): boolean {
  const [, ipv6, word = '', port = ''] = HOST.exec(header ?? '') ?? []
  if (Number(port) > MAX_PORT) return false
  if (ipv6 !== undefined) return isIP(ipv6) === 6
  const name = word.toLowerCase()
  return name !== '' && (name === 'localhost' || name === own.toLowerCase() || isIP(name) === 4)
}

/** Says whether a page may ask: one that this listener has served. Programs send no `Origin`. */
export function isOwnOrigin(origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined) return true
  return /^https?:\/\/(.+)$/i.exec(origin)?.[1]?.toLowerCase() === host?.toLowerCase()
}
