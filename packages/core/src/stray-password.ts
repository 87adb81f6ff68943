const STRAY = /^[a-z][\w+.-]*:\/\/[^/?#@]*:\d*[/?#].*@/is

/**
 * Says whether a URL seems to have a password that was not percent-encoded: its first part has become the port, and the rest the path,
 * which is shown where a password never is. Also of the rare URL with a port and a path that holds an `@`, which may be written `%40`.
 *
 * @example
 * hasStrayPassword('postgres://keyturn:12/34@db/keyturn') // true
 */
export function hasStrayPassword(url: string): boolean {
  return STRAY.test(url)
}
