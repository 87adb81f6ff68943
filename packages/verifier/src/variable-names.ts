import { KeyturnError } from '@keyturn/core'
import type { VerifierOptions } from './verifier-options.ts'

/**
 * Where options that came out of the environment say so. A symbol goes along wherever options are spread, and is no option.
 */
const VARIABLES: unique symbol = Symbol('keyturn.variables')

/** An option that a variable stands for, and what it was when the variable was read; `undefined` where there was none. */
interface Given {
  readonly variable: string
  readonly value: unknown
}

/** Every option for which there is a variable. */
export type GivenVariables = Readonly<Record<string, Given>>

interface Noted {
  readonly [VARIABLES]?: GivenVariables
}

/** Notes by which variables options were given. */
export function withVariables<Options extends object>(options: Options, variables: GivenVariables): Options {
  return { ...options, [VARIABLES]: Object.freeze(variables) }
}

/**
 * Does something with options, and names in what is refused the variables by which they were given: whoever set
 * `KEYTURN_VERIFIER_TIMEOUT` knows of no `timeoutSeconds`. An option that was set in code since keeps its own name.
 */
export function inGivenNames<T>(options: VerifierOptions, action: () => T): T {
  try {
    return action()
  } catch (error) {
    throw error instanceof KeyturnError ? renamed(error, options) : error
  }
}

/** Options as they stand in messages: the first word that a colon follows, and words with a capital in them. */
const NAMES = /^\w+(?=: )|\b[a-z]+[A-Z]\w*/g

function renamed(error: KeyturnError, options: VerifierOptions & Noted): KeyturnError {
  // what is no object at all is refused, too
  const variables = options?.[VARIABLES]
  if (variables === undefined) return error
  const asGiven = (text: string) =>
    text.replace(NAMES, (name) => {
      const given = variables[name]
      return given !== undefined && given.value === Reflect.get(options, name) ? given.variable : name
    })
  const message = asGiven(error.message)
  if (message === error.message) return error
  const { code, cause, remedy } = error
  return new KeyturnError(code, message, { cause, ...(remedy !== undefined && { remedy: asGiven(remedy) }) })
}
