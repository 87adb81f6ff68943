import { TokenRejected } from './errors.ts'
import { parseJsonObject } from './json.ts'
import { splitCompact } from './jws.ts'
import { PAYLOAD_DEPTH } from './token.ts'

/**
 * The `iss` that a token claims. Nobody has verified it: good for choosing who verifies the token, and for nothing else. Read by
 * the same strict parser as later, so that nobody can show one issuer here and another there.
 *
 * @throws {TokenRejected} `claim_missing`, `claim_malformed`, `payload_malformed`, and what {@link splitCompact} throws
 */
export function claimedIssuer(token: unknown, maxLength: number): string {
  const { payload } = splitCompact(token, maxLength)
  const claims = parseJsonObject(Buffer.from(payload, 'base64url'), PAYLOAD_DEPTH)
  if (claims === undefined) throw new TokenRejected('payload_malformed')
  if (!Object.hasOwn(claims, 'iss')) throw new TokenRejected('claim_missing', { claim: 'iss' })
  if (typeof claims.iss !== 'string') throw new TokenRejected('claim_malformed', { claim: 'iss' })
  return claims.iss
}
