/** Where an issuer publishes its keys, below its own URL: as they are (RFC 7517), and signed by a root key. */
export const KEY_SET_PATHS = Object.freeze({
  plain: '/.well-known/jwks.json',
  signed: '/.well-known/jwks.jwt',
})
