import {
  type JwkSet,
  KEY_SET_PATHS,
  parseJwkSet,
  type SignedJwkSetExpectations,
  SignedJwkSetReader,
} from '@keyturn/core'

/** In which form a key set comes, and how it is read. */
export interface KeySetFormat {
  /** Below the issuer, where no URL is given. */
  readonly path: string
  readonly accept: string
  /** Of a `Content-Type`. */
  readonly mediaType: RegExp
  /** @throws {JwkSetRefused} */
  readonly read: (document: Uint8Array, nowMs: number) => JwkSet
}

/** A set that is believed for where it comes from. */
export function plainFormat(jwk: NonNullable<SignedJwkSetExpectations['jwk']>): KeySetFormat {
  return {
    path: KEY_SET_PATHS.plain,
    accept: 'application/jwk-set+json, application/json',
    mediaType: /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i,
    read: (document) => parseJwkSet(document, jwk),
  }
}

/** A set that is believed for the root key that signed it. */
export function signedFormat(expectations: SignedJwkSetExpectations): KeySetFormat {
  const reader = new SignedJwkSetReader(expectations)
  return {
    path: KEY_SET_PATHS.signed,
    accept: 'application/jwk-set+jwt, application/jwt',
    mediaType: /^application\/(?:[\w.-]+\+)?jwt\s*(?:;|$)/i,
    read: (document, nowMs) => reader.read(document, nowMs),
  }
}
