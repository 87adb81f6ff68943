import { KeyturnError } from '@keyturn/core'

/** An option of a verifier is wrong. Its name comes first, where `inGivenNames` puts that of a variable in its place. */
export function optionInvalid(
  option: string,
  expected: string,
  details: { readonly remedy?: string } = {},
): KeyturnError {
  return new KeyturnError('verifier_options_invalid', `${option}: expected ${expected}`, details)
}
