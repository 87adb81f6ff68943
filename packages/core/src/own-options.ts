import { KeyturnError } from './errors.ts'
import { isJsonObject } from './json.ts'

/**
 * A copy of the options that somebody gave, each read once, and without a prototype: what was put into every object of the
 * process is none of them. Options that an object has inherited, such as the methods of its class, would be lost: it is refused.
 *
 * @throws {KeyturnError} with the given code
 *
 * @example
 * ownOptions(options, 'verifier_options_invalid')
 */
export function ownOptions<Options extends object>(options: Options, code: string): Options {
  if (!isJsonObject(options) || !isPlain(options)) {
    throw new KeyturnError(code, 'expected options as a plain object, none of them inherited')
  }
  return Object.assign(Object.create(null), options)
}

/** Options without those that are `undefined`: one that is passed so means its default, as with a default parameter. */
export function definedIn<Options extends object>(options: Options): Partial<Options> {
  const defined = Object.entries(options).filter(([, value]) => value !== undefined)
  return Object.assign(Object.create(null), Object.fromEntries(defined))
}

/** By the depth of its prototypes: another realm has an `Object.prototype` of its own. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
