/**
 * How an action ended: the `code` of the error that it was refused with, or `none`.
 *
 * @example
 * expect(await codeOf(verifier.verify(await issuer.expiredToken()))).toBe('token_expired')
 */
export async function codeOf(action: Promise<unknown>): Promise<string> {
  return await action.then(
    () => 'none',
    (error) => error.code,
  )
}
