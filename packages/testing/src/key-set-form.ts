import { type JwkSetDocument, SIGNED_JWK_SET_TYP } from '@keyturn/core'
import type { SignedKeySet } from '@keyturn/keyring'

/** A form in which a key set is published. */
export interface KeySetForm {
  readonly mediaType: string
  readonly write: (set: JwkSetDocument) => string | Promise<string>
}

/** As anybody can write it (RFC 7517). */
export const PLAIN_FORM: KeySetForm = Object.freeze({
  mediaType: 'application/jwk-set+json',
  write: (set: JwkSetDocument) => JSON.stringify(set),
})

/** Under a root key (OpenID Federation 1.0, section 5.2.1.1). */
export function signedForm(signed: Pick<SignedKeySet, 'of'>): KeySetForm {
  return Object.freeze({
    mediaType: `application/${SIGNED_JWK_SET_TYP}`,
    write: (set: JwkSetDocument) => signed.of(set),
  })
}
