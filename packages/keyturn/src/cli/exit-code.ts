import { KeysUnavailable, KeyturnError, TokenRejected } from '@keyturn/core'
import { CommanderError } from 'commander'
import { printable } from '../telemetry/printable.ts'

/** How a command ended, for scripts. */
export const EXIT = Object.freeze({ done: 0, failed: 1, usage: 2, tokenRejected: 3, unreachable: 4 })

/** How an error ends a command by its code; any other is a failure. */
export const EXIT_BY_CODE: ReadonlyMap<string, number> = new Map(
  Object.entries({
    // mended by giving the command something else, be it by argument, flag, variable or file, or by another runtime
    algorithm_ambiguous: EXIT.usage,
    algorithm_mismatch: EXIT.usage,
    algorithm_unavailable: EXIT.usage,
    algorithm_unknown: EXIT.usage,
    backup_unreadable: EXIT.usage,
    check_not_synchronous: EXIT.usage,
    checkpoint_unreadable: EXIT.usage,
    client_invalid: EXIT.usage,
    config_file_unreadable: EXIT.usage,
    config_invalid: EXIT.usage,
    config_unknown_setting: EXIT.usage,
    count_malformed: EXIT.usage,
    database_url_invalid: EXIT.usage,
    duration_malformed: EXIT.usage,
    expectations_invalid: EXIT.usage,
    file_unreadable: EXIT.usage,
    flag_malformed: EXIT.usage,
    jwks_url_invalid: EXIT.usage,
    key_encrypted: EXIT.usage,
    key_file_unreadable: EXIT.usage,
    key_malformed: EXIT.usage,
    key_not_for_signatures: EXIT.usage,
    key_not_private: EXIT.usage,
    key_symmetric: EXIT.usage,
    key_unknown_type: EXIT.usage,
    key_weak: EXIT.usage,
    json_malformed: EXIT.usage,
    manager_options_invalid: EXIT.usage,
    store_options_invalid: EXIT.usage,
    policy_invalid: EXIT.usage,
    root_key_exists: EXIT.usage,
    root_key_unreadable: EXIT.usage,
    root_key_unwritable: EXIT.usage,
    token_missing: EXIT.usage,
    usage: EXIT.usage,
    verifier_env_invalid: EXIT.usage,
    verifier_options_invalid: EXIT.usage,
    store_failed: EXIT.unreachable,
    store_refused: EXIT.unreachable,
    store_unreachable: EXIT.unreachable,
    state_failed: EXIT.unreachable,
  }),
)

/** What commands know to do about errors of which whoever throws them knows nothing to do. */
const REMEDY_BY_CODE: ReadonlyMap<string, string> = new Map(
  Object.entries({
    store_not_shared:
      'ask its admin listener for them, GET /health/details, and restart it for new ones; or keep them in files, KEYTURN_STORE=file',
    verifier_env_invalid: 'give the variable, or its flag: keyturn token verify --help',
    jwks_url_invalid: 'give another with --jwks, or accept plain http from another machine: --unsafe-http',
    key_malformed: 'give one private key, whole: PEM (PKCS #8, PKCS #1 or SEC 1) or a JWK',
    key_weak: 'make another: RSA wants 2048 bits or more, and 65537 as its exponent',
    key_unknown_type:
      'give a key of an algorithm that Keyturn has: RSA, P-256, P-384, P-521, Ed25519 or ML-DSA',
    client_invalid: 'a name is for people; give each scope by its own --scope, or several with spaces',
  }),
)

/** What an argument that is a private key brings into a message: lines, the first word of PEM, the brace of a JWK. */
const MAY_HOLD_A_KEY = /[\n{]|-----BEGIN/
const NOT_REPEATED = 'an argument has the form of a key; it is not repeated here'

/** The exit code of an error. */
export function exitCodeOf(error: unknown): number {
  // a help that was asked for, or that is shown where a command is missing
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
  if (error instanceof TokenRejected) return EXIT.tokenRejected
  if (error instanceof KeysUnavailable) return EXIT.unreachable
  if (!(error instanceof KeyturnError)) return EXIT.failed
  return EXIT_BY_CODE.get(error.code) ?? EXIT.failed
}

/** One line with a code and the remedy; as JSON for scripts. An error that is not ours is a bug, and says where it is. */
export function describeError(error: unknown, asJson: boolean): string {
  const { code, message, remedy } = partsOf(error)
  return printable(
    asJson
      ? JSON.stringify({ error: { code, message, ...(remedy !== undefined && { remedy }) } })
      : `keyturn: ${code}: ${message}${remedy === undefined ? '' : ` - ${remedy}`}`,
  )
}

function partsOf(error: unknown): { code: string; message: string; remedy?: string | undefined } {
  if (error instanceof KeyturnError) {
    const { code, message, remedy = REMEDY_BY_CODE.get(code) } = error
    return MAY_HOLD_A_KEY.test(`${message}${remedy}`)
      ? { code, message: NOT_REPEATED }
      : { code, message, remedy }
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { code: 'internal_error', message, remedy: 'this is a bug: please report it' }
}
