import { KEY_SET_PATHS, urlBelow } from '@keyturn/core'

const METADATA = '/.well-known/oauth-authorization-server'

/** Where an authority has its key set. */
export const SERVED_PATHS = Object.freeze({
  plain: [KEY_SET_PATHS.plain, `/keys${KEY_SET_PATHS.plain}`],
  signed: [KEY_SET_PATHS.signed],
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
    jwks_uri: url + KEY_SET_PATHS.plain,
    ...(isSetSigned && { signed_jwks_uri: url + KEY_SET_PATHS.signed }),
    response_types_supported: [],
    grant_types_supported: [],
  }
  const own = urlBelow(METADATA + new URL(issuer).pathname, '')
  return new Map([METADATA, own].map((path) => [path, metadata]))
}
