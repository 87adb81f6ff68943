/** Which error of the system this is, such as `ENOENT`; for any other error a text that fits into a message all the same. */
export function errnoOf(error: unknown): string {
  const code = (error as { readonly code?: unknown } | null | undefined)?.code
  return typeof code === 'string' ? code : 'unknown error'
}
