import { KeyturnError } from '@keyturn/core'

/** Why a key set could not be had; `code` begins with `fetch_`. */
export class KeySetFetchFailed extends KeyturnError {
  override readonly name = 'KeySetFetchFailed'
}
