import { KeyturnError } from './errors.ts'

/** The code of an error, `internal_error` for one that is none of ours. */
export function errorCodeOf(error: unknown): string {
  return error instanceof KeyturnError ? error.code : 'internal_error'
}
