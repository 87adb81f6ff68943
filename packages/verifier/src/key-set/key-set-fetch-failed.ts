import { KeyturnError } from '@keyturn/core'

/** Why a key set could not be had, before anybody could look at it. */
export type KeySetFetchCode =
  | 'fetch_network'
  | 'fetch_timeout'
  | 'fetch_connect_timeout'
  | 'fetch_headers_timeout'
  | 'fetch_body_timeout'
  | 'fetch_pin_mismatch'
  | 'fetch_status'
  | 'fetch_media_type'
  | 'fetch_encoding'
  | 'fetch_too_large'

/** A key set could not be had; `code` says why. */
export class KeySetFetchFailed extends KeyturnError {
  override readonly name = 'KeySetFetchFailed'
  declare readonly code: KeySetFetchCode
  /** Of the answer, where that is what was wrong. */
  readonly status: number | undefined

  constructor(
    code: KeySetFetchCode,
    message: string,
    options: { readonly status?: number | undefined; readonly cause?: unknown } = {},
  ) {
    super(code, message, options)
    this.status = options.status
  }

  /** What the code leaves open: the status, or the code of an error below, such as `ECONNREFUSED`; `undefined` where neither is known. */
  get detail(): string | undefined {
    if (this.status !== undefined) return String(this.status)
    const { code } = (this.cause ?? {}) as { readonly code?: unknown }
    return typeof code === 'string' && /^[A-Z_\d]{3,50}$/.test(code) ? code : undefined
  }
}
