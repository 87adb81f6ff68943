import { createHash } from 'node:crypto'
import type { PublicJwk } from './public-jwk.ts'

/**
 * The RFC 7638 thumbprint (SHA-256, base64url, 43 characters) of a public key: its `kid` in every Keyturn set.
 *
 * @example
 * thumbprint({ kty: 'RSA', n: '0vx7…', e: 'AQAB' }) // 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'
 */
export function thumbprint(jwk: PublicJwk): string {
  return createHash('sha256')
    .update(JSON.stringify(requiredMembers(jwk)))
    .digest('base64url')
}

/** The public members of a key and nothing else, in the lexicographic order of RFC 7638, section 3.3: one key, one spelling. */
export function requiredMembers(jwk: PublicJwk): PublicJwk {
  switch (jwk.kty) {
    case 'RSA':
      return { e: jwk.e, kty: jwk.kty, n: jwk.n }
    case 'EC':
      return { crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y }
    case 'OKP':
      return { crv: jwk.crv, kty: jwk.kty, x: jwk.x }
  }
}
