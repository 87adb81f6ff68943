import { KeyturnError } from './errors.ts'
import { isJsonObject } from './json.ts'

/**
 * A copy of the options that somebody gave, each read once, and without a prototype: what was put into every object of the
 * process is none of them.
 *
 * @throws {KeyturnError} with the given code, as {@link assertPlain} does
 */
export function ownOptions<Options extends object>(options: Options, code: string): Options {
  assertPlain(options, code)
  return Object.assign(Object.create(null), options)
}

/**
 * Refuses options that an object has inherited, such as the methods of its class: they are lost wherever it is copied.
 *
 * @throws {KeyturnError} with the given code
 *
 * @example
 * assertPlain(options, 'verifier_options_invalid')
 */
export function assertPlain(options: unknown, code: string): void {
  if (isJsonObject(options) && isPlain(options)) return
  throw new KeyturnError(code, 'expected options as a plain object, none of them inherited')
}

/** By the depth of its prototypes: another realm has an `Object.prototype` of its own. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
