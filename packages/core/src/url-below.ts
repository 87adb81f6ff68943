/**
 * The URL of a path below an issuer, which may end with slashes.
 *
 * @example
 * urlBelow('https://auth.example/', '/.well-known/jwks.json') // 'https://auth.example/.well-known/jwks.json'
 */
export function urlBelow(issuer: string, path: string): string {
  return issuer.replace(/\/+$/, '') + path
}
