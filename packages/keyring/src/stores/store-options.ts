import { assertNames, KeyturnError, ownOptions } from '@keyturn/core'

const SHARED = ['pollMs', 'clock', 'sealer', 'acceptUnsealed', 'expectsRing', 'initialize']

/**
 * The options of a store that is found by one of them, each read once.
 *
 * @throws {KeyturnError} `store_options_invalid`
 */
export function ownStoreOptions<Place extends string, Options extends Readonly<Record<Place, string>>>(
  options: Options,
  place: Place,
): Options {
  const own = ownOptions(options, 'store_options_invalid')
  assertNames(own, [place, ...SHARED], 'store_options_invalid', 'no option of this store')
  if (typeof own[place] === 'string' && own[place] !== '') return own
  throw new KeyturnError('store_options_invalid', `${place}: expected a text`)
}
