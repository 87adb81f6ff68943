import { warnOfFailure } from './failure-warning.ts'

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
  return (event) =>
    void tell(event).catch((error: unknown) =>
      warnOfFailure(`a listener of events failed at ${event.kind}`, 'KEYTURN_LISTENER', error),
    )
}
