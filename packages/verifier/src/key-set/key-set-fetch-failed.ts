import { KeyturnError } from '@keyturn/core'

/** Why a key set could not be had; `code` begins with `fetch_`. */
export class KeySetFetchFailed extends KeyturnError {
  override readonly name = 'KeySetFetchFailed'
  /** Of the answer, where that is what was wrong. */
  readonly status: number | undefined

  constructor(code: string, message: string, options: { status?: number | undefined; cause?: unknown } = {}) {
    super(code, message, options)
    this.status = options.status
  }
}
