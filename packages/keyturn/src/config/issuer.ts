import { isLoopback } from '@keyturn/core'

/** Printable ASCII that needs no escape in JSON, in a header or in a shell: no spaces, quotes or backslash. */
const IDENTIFIER = /^[\x21\x23-\x26\x28-\x5B\x5D-\x7E]{1,255}$/
const HTTP = /^https?:/i
/** `host:port`, or something with a path, and no scheme before it: a URL that lost its beginning. */
const SCHEMELESS = /^[^:/]+:\d{1,5}(\/.*)?$|^(?![a-z][a-z\d+.-]*:).*\//i
/** Scheme, host, port, path; the characters of the path mean nothing to a router. */
const CLEAN_URL = /^https?:\/\/(?<host>[^/?#@]+?)(?::\d{1,5})?(?<path>\/[\w.~/-]*)?$/i

/**
 * What is wrong with an issuer; `undefined` for a good one. One that begins as a URL must be a clean one (RFC 8414, section 2),
 * since published URLs are made from it, and so must one that lacks no more than its scheme; any other is a name, such as
 * `supermq.auth`.
 */
export function issuerProblem(text: string): string | undefined {
  if ((HTTP.test(text) && !isCleanUrl(text)) || SCHEMELESS.test(text)) {
    return 'expected https://host[:port][/path] of at most 255 characters, the path of letters, digits, - . _ ~ and /'
  }
  return identifierProblem(text)
}

/** What an operator should know of an issuer that is used nevertheless: what services do with its key set (R32, R33). */
export function issuerWarnings(issuer: string, name: string): readonly string[] {
  if (!HTTP.test(issuer)) {
    return [`${name}: no URL: there is no metadata, and each service has to be given the URL of the key set`]
  }
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined
  if (url?.protocol !== 'http:' || isLoopback(url.hostname)) return []
  return [
    `${name}: services refuse keys over plain http from another machine, since whoever is on the way can make tokens: ` +
      'take https, with a proxy in front that speaks it',
  ]
}

/** What is wrong with a text that verifiers compare character by character; `undefined` for a good one. */
export function identifierProblem(text: string): string | undefined {
  return IDENTIFIER.test(text)
    ? undefined
    : 'expected 1 to 255 printable ASCII characters without spaces, quotes and backslashes'
}

/** A URL that means what it says: a parser would change nothing but the case of the host and a port that is the default. */
function isCleanUrl(text: string): boolean {
  const { host, path = '/' } = CLEAN_URL.exec(text)?.groups ?? {}
  if (host === undefined || !URL.canParse(text)) return false
  const url = new URL(text)
  return url.hostname === host.toLowerCase() && url.pathname === path
}
