import { urlBelow } from '@keyturn/core'

const METADATA = '/.well-known/oauth-authorization-server'
const PLAIN_PATH = '/.well-known/jwks.json'
const SIGNED_PATH = '/.well-known/jwks.jwt'

/** Where an authority has its key set. */
export const KEY_SET_PATHS = Object.freeze({
  plain: [PLAIN_PATH, '/keys/.well-known/jwks.json'],
  signed: [SIGNED_PATH],
})

/** What the metadata tells of. */
export interface DescribedIssuer {
  readonly issuer: string
  /** Where it is asked; an issuer for tests need not live where its name says. */
  readonly url: string
  readonly isSetSigned: boolean
}

/**
 * The metadata of an issuer by its places, as an authority has it (RFC 8414): the path of the issuer, if it has one, comes after the
 * well-known part. Without grants and endpoints for them, since nobody gets a token over HTTP here. None where the issuer is no URL.
 */
export function metadataByPath({ issuer, url, isSetSigned }: DescribedIssuer): ReadonlyMap<string, object> {
  const isUrl = URL.canParse(issuer) && /^https?:/i.test(issuer)
  if (!isUrl) return new Map()
  const metadata = {
    issuer,
    jwks_uri: url + PLAIN_PATH,
    ...(isSetSigned && { signed_jwks_uri: url + SIGNED_PATH }),
    response_types_supported: [],
    grant_types_supported: [],
  }
  const own = urlBelow(METADATA + new URL(issuer).pathname, '')
  return new Map([METADATA, own].map((path) => [path, metadata]))
}
