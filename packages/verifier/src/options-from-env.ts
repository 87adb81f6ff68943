import {
  ALGORITHM_NAMES,
  type AlgorithmName,
  errnoOf,
  isAlgorithmName,
  KeyturnError,
  meantName,
  parseDuration,
  parseJsonObject,
} from '@keyturn/core'
import { type GivenVariables, withVariables } from './variable-names.ts'
import type { VerifierOptions } from './verifier-options.ts'

/** An environment variable that a verifier understands. */
export interface VerifierVariable {
  readonly name: string
  readonly option: keyof VerifierOptions
  readonly description: string
  readonly parse: (text: string) => unknown
}

const seconds = (text: string) => parseDuration(text) / 1000
const text = (value: string) => value

/** Every variable that {@link optionsFromEnv} reads; the reference is made from it. Durations as `15s`, `5m`, `1h`. */
export const VERIFIER_VARIABLES: readonly VerifierVariable[] = Object.freeze([
  { name: 'KEYTURN_ISSUER', option: 'issuer', description: 'what iss must be', parse: text },
  { name: 'KEYTURN_AUDIENCE', option: 'audience', description: 'what aud must contain', parse: text },
  { name: 'KEYTURN_JWKS_URL', option: 'jwksUrl', description: 'where the key set is', parse: text },
  {
    name: 'KEYTURN_ALGORITHMS',
    option: 'algorithms',
    description: 'which may occur, by name, with commas (default: all that the runtime has)',
    parse: algorithms,
  },
  {
    name: 'KEYTURN_CLOCK_TOLERANCE',
    option: 'clockToleranceSeconds',
    description: 'how far clocks may differ, at most 60s',
    parse: seconds,
  },
  {
    name: 'KEYTURN_VERIFIER_MIN_CACHE',
    option: 'minCacheSeconds',
    description: 'a set is kept at least this long',
    parse: seconds,
  },
  {
    name: 'KEYTURN_VERIFIER_MAX_CACHE',
    option: 'maxCacheSeconds',
    description: 'a set is kept at most this long',
    parse: seconds,
  },
  {
    name: 'KEYTURN_VERIFIER_STALE_IF_ERROR',
    option: 'staleIfErrorSeconds',
    description: 'how long keys are used past their cache time while they cannot be fetched',
    parse: seconds,
  },
  {
    name: 'KEYTURN_VERIFIER_SNAPSHOT_FILE',
    option: 'snapshotFile',
    description: 'where the last good set outlives the process, for a cold start while it cannot be had',
    parse: text,
  },
  {
    name: 'KEYTURN_VERIFIER_SNAPSHOT_SECRET',
    option: 'snapshotSecret',
    description: 'authenticates that file: 32 characters or more, of this service alone',
    parse: text,
  },
  {
    name: 'KEYTURN_VERIFIER_SNAPSHOT_SECRET_FILE',
    option: 'snapshotSecret',
    description: 'a file that holds it instead',
    parse: fileText,
  },
  {
    name: 'KEYTURN_VERIFIER_ROOT_KEYS_FILE',
    option: 'rootKeys',
    description:
      'JSON of the root keys, one of which must have signed the key set: what keyturn keys root prints',
    parse: (path) => jsonObject(fileText(path)),
  },
  {
    name: 'KEYTURN_VERIFIER_PINNED_THUMBPRINTS',
    option: 'pinnedThumbprints',
    description: 'RFC 7638 thumbprints of the only keys to use, with commas',
    parse: list,
  },
  {
    name: 'KEYTURN_VERIFIER_CA_FILE',
    option: 'ca',
    description: 'PEM of the authorities to trust for the key set, instead of those of the machine',
    parse: fileText,
  },
  {
    name: 'KEYTURN_VERIFIER_CLIENT_CERT_FILE',
    option: 'clientCert',
    description: 'PEM of the certificate that is shown to the endpoint of the key set',
    parse: fileText,
  },
  {
    name: 'KEYTURN_VERIFIER_CLIENT_KEY_FILE',
    option: 'clientKey',
    description: 'PEM of its private key',
    parse: fileText,
  },
  {
    name: 'KEYTURN_VERIFIER_SPKI_PINS',
    option: 'spkiPins',
    description:
      'public keys one of which the endpoint must have in its chain: sha256/ and base64, with commas',
    parse: list,
  },
  {
    name: 'KEYTURN_VERIFIER_TIMEOUT',
    option: 'timeoutSeconds',
    description: 'time-out of one fetch',
    parse: seconds,
  },
  {
    name: 'KEYTURN_VERIFIER_TOKEN_CACHE_SIZE',
    option: 'tokenCacheSize',
    description: 'how many verified tokens to remember (default: none)',
    parse: count,
  },
  {
    name: 'KEYTURN_VERIFIER_UNSAFE_HTTP',
    option: 'unsafeAllowHttp',
    description: 'true accepts a key set over plain http from another machine',
    parse: flag,
  },
])

/** The authority has settings that look like some of ours; it may share our environment. */
const OF_THE_AUTHORITY: ReadonlySet<string> = new Set(['KEYTURN_VERIFIER_REFRESH', 'KEYTURN_UNSAFE_HTTP'])

/**
 * Reads a verifier's options from the environment: one initialisation for every service. Anything else can be added. What
 * `createVerifier` then refuses it names by its variable.
 *
 * A variable that is one of ours but for a slip, or for the `VERIFIER_` in it, or begins with `KEYTURN_VERIFIER_` and is none, is
 * refused; those of an authority may be there.
 *
 * @throws {KeyturnError} `verifier_env_invalid`, naming the variable and never its value
 *
 * @example
 * const verifier = createVerifier(optionsFromEnv())
 */
export function optionsFromEnv(
  env: Readonly<Record<string, string | undefined>> = process.env,
): VerifierOptions {
  assertVariableNames(env)
  const options: Record<string, unknown> = {}
  const variables: Record<string, GivenVariables[string]> = {}
  for (const { name, option, parse } of VERIFIER_VARIABLES) {
    const value = env[name]
    variables[option] ??= { variable: name, value: undefined }
    if (value === undefined || value === '') continue
    if (option in options)
      throw new KeyturnError('verifier_env_invalid', `${name}: expected it, or the other`)
    options[option] = parsed(name, value, parse)
    variables[option] = { variable: name, value: options[option] }
  }
  for (const name of ['KEYTURN_ISSUER', 'KEYTURN_AUDIENCE']) {
    if (!env[name]) throw new KeyturnError('verifier_env_invalid', `${name}: expected a value`)
  }
  return withVariables(options as unknown as VerifierOptions, variables)
}

/** A misspelt variable must not pass for its default; but not every variable of Keyturn is for verifiers. */
function assertVariableNames(env: Readonly<Record<string, string | undefined>>): void {
  const known = VERIFIER_VARIABLES.map(({ name }) => name)
  for (const name of Object.keys(env)) {
    if (!name.startsWith('KEYTURN_') || !env[name] || known.includes(name)) continue
    const meant = known.find((it) => bareName(it) === bareName(name)) ?? meantName(name, known)
    if (meant === undefined && !name.startsWith('KEYTURN_VERIFIER_')) continue
    if (OF_THE_AUTHORITY.has(name)) continue
    throw new KeyturnError('verifier_env_invalid', `${name}: no such variable`, {
      remedy: meant === undefined ? 'leave it out' : `did you mean ${meant}?`,
    })
  }
}

/** Without the prefix that some have and some lack. */
function bareName(name: string): string {
  return name.replace(/^KEYTURN_(?:VERIFIER_)?/, '')
}

function parsed(name: string, value: string, parse: (text: string) => unknown): unknown {
  try {
    return parse(value)
  } catch (cause) {
    const expected = cause instanceof KeyturnError ? cause.message : 'another value'
    throw new KeyturnError('verifier_env_invalid', `${name}: ${expected}`, { cause })
  }
}

function list(value: string): readonly string[] {
  return value.split(',').map((item) => item.trim())
}

function fileText(path: string): string {
  try {
    // an import of node:fs loads more of it than anybody here wants, at half the price of node:crypto
    return process.getBuiltinModule('node:fs').readFileSync(path, 'utf8').trim()
  } catch (cause) {
    throw new KeyturnError('file_unreadable', `expected a file that can be read (${errnoOf(cause)})`)
  }
}

function jsonObject(value: string): object {
  const object = parseJsonObject(Buffer.from(value), 8)
  if (object !== undefined) return object
  throw new KeyturnError('json_malformed', 'expected a file that holds a JSON object')
}

function algorithms(value: string): readonly AlgorithmName[] {
  const names = list(value)
  if (names.every(isAlgorithmName)) return names
  throw new KeyturnError('algorithm_unknown', `expected names out of ${ALGORITHM_NAMES.join(', ')}`)
}

function count(value: string): number {
  if (/^\d{1,9}$/.test(value)) return Number(value)
  throw new KeyturnError('count_malformed', 'expected a whole number')
}

function flag(value: string): boolean {
  if (value === 'true' || value === 'false') return value === 'true'
  throw new KeyturnError('flag_malformed', 'expected true or false')
}
