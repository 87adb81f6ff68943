import type { JsonObject, SigningKey, TokenRejectionCode } from '@keyturn/core'
import { jws, type Model, type Recipe } from './model.ts'

/** A {@link Model} with the private half of its key. */
export interface SignedModel extends Model {
  readonly signingKey: SigningKey
}

const DAY_SECONDS = 86_400

/** Tokens of the issuer itself, well signed, which are not for this service, not for now, or of another kind. */
export const UNFIT_TOKENS: readonly Recipe<SignedModel>[] = [
  withClaims('that has expired', 'token_expired', ({ exp }) => ({
    iat: exp - 2 * DAY_SECONDS,
    exp: exp - DAY_SECONDS,
  })),
  withClaims('that ended at the beginning of time', 'token_expired', () => ({ exp: 0 })),
  withClaims('without an end', 'claim_missing', () => ({ exp: undefined })),
  withClaims('whose end is text', 'claim_malformed', ({ exp }) => ({ exp: String(exp) })),
  withClaims('whose end is no whole second', 'claim_malformed', ({ exp }) => ({ exp: exp + 0.5 })),
  withPayload('that never ends', 'claim_malformed', (claims) =>
    JSON.stringify(claims).replace(`"exp":${claims.exp}`, '"exp":1e999'),
  ),
  withClaims('that is not valid yet', 'token_not_yet_valid', ({ exp }) => ({
    nbf: exp + DAY_SECONDS,
    exp: exp + 2 * DAY_SECONDS,
  })),
  withClaims('that is issued in the future', 'token_issued_in_future', ({ exp }) => ({
    iat: exp + DAY_SECONDS,
    exp: exp + 2 * DAY_SECONDS,
  })),
  withClaims('without a time of issue', 'claim_missing', () => ({ iat: undefined })),
  withClaims('of another issuer', 'issuer_mismatch', () => ({ iss: 'https://stranger.test' })),
  withClaims('of an issuer whose name goes on', 'issuer_mismatch', ({ iss }) => ({ iss: `${iss}/` })),
  // the other two where the claimed issuer decides who verifies it
  withClaims('of a list of issuers', ['issuer_mismatch', 'claim_malformed'], ({ iss }) => ({ iss: [iss] })),
  withClaims('without an issuer', ['issuer_mismatch', 'claim_missing'], () => ({ iss: undefined })),
  withClaims('for another service', 'audience_mismatch', () => ({ aud: 'https://stranger.test' })),
  withClaims('for other services', 'audience_mismatch', () => ({
    aud: ['https://stranger.test', 'https://other.test'],
  })),
  withClaims('for nobody', 'audience_mismatch', () => ({ aud: [] })),
  withClaims('that does not say for whom', 'claim_missing', () => ({ aud: undefined })),
  withClaims('whose audience is a number', 'claim_malformed', () => ({ aud: 7 })),
  withClaims('without a subject', 'claim_missing', () => ({ sub: undefined })),
  withClaims('whose subject is empty', 'claim_malformed', () => ({ sub: '' })),
  withClaims('without a name of its own', 'claim_missing', () => ({ jti: undefined })),
  withClaims('without a client', 'claim_missing', () => ({ client_id: undefined })),
  withClaims('whose scope is a list', 'claim_malformed', () => ({ scope: ['read'] })),
  withClaims('of a role that there is not', 'claim_malformed', () => ({ role: 3 })),
  withClaims('whose role is text', 'claim_malformed', () => ({ role: '2' })),
  withClaims('of a user of whom nothing else is said', 'claim_malformed', () => ({
    type: undefined,
    role: 2,
    verified: undefined,
  })),
  withClaims('of a user who is verified in words', 'claim_malformed', () => ({ verified: 'true' })),
  withClaims('of another type', 'claim_malformed', () => ({ type: 1 })),
  withTyp('of another kind, as an ID token', 'JWT'),
  withTyp('of another kind, as a logout token', 'logout+jwt'),
  withTyp('of no kind', undefined),
  withPayload('whose payload is a list', 'payload_malformed', (claims) => JSON.stringify([claims])),
  withPayload('whose payload is another token', 'payload_malformed', (_, good) => good),
  withPayload('that names its subject twice', 'payload_malformed', (claims) =>
    JSON.stringify(claims).replace('{', '{"sub":"root",'),
  ),
  withPayload(
    'whose payload has a byte order mark',
    'payload_malformed',
    (claims) => `\ufeff${JSON.stringify(claims)}`,
  ),
]

type Claims = Model['claims']

function withClaims(
  name: string,
  codes: TokenRejectionCode | readonly TokenRejectionCode[],
  change: (claims: Claims) => JsonObject,
): Recipe<SignedModel> {
  return {
    name,
    codes: typeof codes === 'string' ? [codes] : codes,
    make: ({ signingKey, header, claims }) => jws(signingKey, header, { ...claims, ...change(claims) }),
  }
}

function withPayload(
  name: string,
  code: TokenRejectionCode,
  payload: (claims: Claims, good: string) => string,
): Recipe<SignedModel> {
  return {
    name,
    codes: [code],
    make: ({ signingKey, header, claims, good }) => jws(signingKey, header, payload(claims, good)),
  }
}

function withTyp(name: string, typ: string | undefined): Recipe<SignedModel> {
  return {
    name,
    codes: ['header_typ_refused'],
    make: ({ signingKey, header, claims }) => jws(signingKey, { ...header, typ }, claims),
  }
}
