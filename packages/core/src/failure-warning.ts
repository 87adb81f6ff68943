/**
 * Tells of the code of somebody else that failed where nobody waits for it, as a warning of the process: it must not end the
 * process, and must not pass unseen.
 *
 * @example
 * warnOfFailure('a listener of events failed', 'KEYTURN_LISTENER', error)
 */
export function warnOfFailure(what: string, code: string, error: unknown): void {
  const detail = error instanceof Error && error.stack !== undefined ? { detail: error.stack } : {}
  process.emitWarning(what, { code, ...detail })
}
