import { createHash } from 'node:crypto'
import type { JsonObject } from './json.ts'
import { KEY_TYPES, type PublicJwk } from './public-jwk.ts'

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
  const values: JsonObject = jwk
  return Object.fromEntries(KEY_TYPES[jwk.kty].required.map((name) => [name, values[name]])) as PublicJwk
}
