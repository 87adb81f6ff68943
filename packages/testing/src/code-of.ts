/**
 * How an action ended: the `code` of the error that it was refused with, or `none`. An error without a code is no refusal, and is
 * thrown.
 *
 * @example
 * expect(await codeOf(verifier.verify(await issuer.expiredToken()))).toBe('token_expired')
 */
export async function codeOf(action: Promise<unknown>): Promise<string> {
  try {
    await action
    return 'none'
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
    throw error
  }
}
