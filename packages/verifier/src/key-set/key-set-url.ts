import { hasStrayPassword, isLoopback, KeyturnError } from '@keyturn/core'

/**
 * Accepts the URL of a key set: https, or http to this machine, or any http when that was said aloud.
 *
 * @throws {KeyturnError} `jwks_url_invalid`
 */
export function parseKeySetUrl(text: string, options: { readonly unsafeAllowHttp: boolean }): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const refuse = (expected: string) => new KeyturnError('jwks_url_invalid', `jwksUrl: expected ${expected}`)
  if (url === undefined || !['https:', 'http:'].includes(url.protocol)) throw refuse('an https URL')
  if (url.username !== '' || url.password !== '' || hasStrayPassword(text))
    throw refuse('a URL without user and password')
  if (url.protocol === 'http:' && !options.unsafeAllowHttp && !isLoopback(url.hostname)) {
    throw refuse('https, since whoever can change the answer can make tokens (or unsafeAllowHttp)')
  }
  url.hash = ''
  return url
}
