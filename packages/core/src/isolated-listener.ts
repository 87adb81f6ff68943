/**
 * A listener that can fail, at once or later, without costing anything to whoever tells it: not a rotation, not a refresh,
 * not a token, not the process. Its failures become warnings of the process, with the code `KEYTURN_LISTENER`.
 *
 * @example
 * const tell = isolatedListener(options.onEvent)
 * tell({ kind: 'key-activated' })
 */
export function isolatedListener<Event extends { readonly kind: string }>(
  listener: ((event: Event) => unknown) | undefined,
): (event: Event) => void {
  const tell = async (event: Event): Promise<void> => void (await listener?.(event))
  return (event) => void tell(event).catch((error: unknown) => warn(event.kind, error))
}

function warn(kind: string, error: unknown): void {
  const detail = error instanceof Error && error.stack !== undefined ? { detail: error.stack } : {}
  process.emitWarning(`a listener of events failed at ${kind}`, { code: 'KEYTURN_LISTENER', ...detail })
}
