/** How an action ended: the code of the error that it was refused with, or `none`. */
export async function codeOf(action: Promise<unknown>): Promise<string> {
  return await action.then(
    () => 'none',
    (error) => error.code,
  )
}
