import { assertNames, type Clock, isStringArray, type TokenExpectations } from '@keyturn/core'
import type { VerifierEvent } from './events.ts'
import type { FetchKeySet } from './key-set/http-fetch.ts'
import { optionInvalid } from './option-invalid.ts'

/** What `createVerifier` needs: an issuer and an audience. All else has a safe default. */
export interface VerifierOptions extends TokenExpectations {
  /**
   * Default: `/.well-known/jwks.json` below the issuer, or `jwks.jwt` there with {@link rootKeys}. `null`: fetch none, and go by
   * {@link pinnedKeys} alone.
   */
  readonly jwksUrl?: string | null
  /** Keys to use at a cold start while the key set cannot be had, until it has been had once. Their own `exp` holds. */
  readonly pinnedKeys?: { readonly keys: readonly object[] }
  /**
   * Public root keys as `keyturn keys root` prints them: no set is believed but one that one of them has signed, whatever TLS says of
   * its place. Name the next root beside the one in use before it follows. Default: sets are not signed.
   */
  readonly rootKeys?: { readonly keys: readonly object[] }
  /** RFC 7638 thumbprints of the only keys to use, whatever the key set holds. Default: all of the set. */
  readonly pinnedThumbprints?: readonly string[]
  /**
   * Where the last good set outlives the process, for a cold start while it cannot be had: used for as long as a verifier that
   * had gone on running would. Default: nowhere.
   */
  readonly snapshotFile?: string
  /** Authenticates the snapshot, since who can write a key set can make tokens: 32 characters or more, this service's own. */
  readonly snapshotSecret?: string
  /** A set is kept at least this long, whatever its headers say. Default 60. */
  readonly minCacheSeconds?: number
  /** A set is kept at most this long, whatever its headers say. Default 3600. */
  readonly maxCacheSeconds?: number
  /** How long a set without Cache-Control is kept. Default 300. */
  readonly defaultCacheSeconds?: number
  /** How long keys are used past their cache time while they cannot be fetched. Default 3600. */
  readonly staleIfErrorSeconds?: number
  /** For one fetch, from the question to the last byte. Default 5. */
  readonly timeoutSeconds?: number
  /** To reach the endpoint, TLS included. Default: two fifths of `timeoutSeconds`. */
  readonly connectTimeoutSeconds?: number
  /** From then to the answer's headers. Default: three fifths of `timeoutSeconds`. */
  readonly headersTimeoutSeconds?: number
  /** From then to the last byte, however it drips. Default: three fifths of `timeoutSeconds`. */
  readonly bodyTimeoutSeconds?: number
  /** PEM of the certificate authorities to trust for the key set, instead of the machine's. */
  readonly ca?: string
  /** PEM of the certificate by which this service shows the endpoint who it is; {@link clientKey} is its key. */
  readonly clientCert?: string
  /** PEM of the private key of {@link clientCert}. */
  readonly clientKey?: string
  /**
   * `sha256/` and base64 of the SHA-256 of a public key (SubjectPublicKeyInfo, RFC 7469): one in the endpoint's chain must be
   * among them, beside all other checks. Name the next one, too. Default: none is asked for.
   */
  readonly spkiPins?: readonly string[]
  /** Accept keys whose kid is not their thumbprint: another issuer than Keyturn. Default `false`. */
  readonly allowForeignKids?: boolean
  /** Accept a key set over plain http from another machine: whoever is on the way can make tokens. Default `false`. */
  readonly unsafeAllowHttp?: boolean
  /**
   * How many verified tokens to remember, so that the same one again costs a comparison instead of a signature; its times, its key and
   * {@link check} are looked at each time. They stay in memory. Default 0: none.
   */
  readonly tokenCacheSize?: number
  /** Hears what happens to the keys. What fails in it becomes a warning of the process, and holds up nothing. */
  readonly onEvent?: (event: VerifierEvent) => void
  readonly clock?: Clock
  /** Asks for the key set instead of the built-in HTTP client. */
  readonly fetch?: FetchKeySet
  /** Spreads refreshes and retries; returns 0 to 1. Default `Math.random`. */
  readonly random?: () => number
}

type OptionType = 'string' | 'number' | 'boolean' | 'function' | 'object' | 'strings' | 'expectation'

/** Every option with its type, so that the compiler misses none here. A {@link TokenChecker} looks at what it expects itself. */
const OPTIONS: Readonly<Record<keyof VerifierOptions, OptionType>> = Object.freeze({
  issuer: 'expectation',
  audience: 'expectation',
  algorithms: 'expectation',
  typ: 'expectation',
  requiredClaims: 'expectation',
  clockToleranceSeconds: 'expectation',
  maxAgeSeconds: 'expectation',
  maxLifetimeSeconds: 'expectation',
  maxTokenLength: 'expectation',
  check: 'expectation',
  jwksUrl: 'string',
  pinnedKeys: 'object',
  rootKeys: 'object',
  pinnedThumbprints: 'strings',
  snapshotFile: 'string',
  snapshotSecret: 'string',
  minCacheSeconds: 'number',
  maxCacheSeconds: 'number',
  defaultCacheSeconds: 'number',
  staleIfErrorSeconds: 'number',
  timeoutSeconds: 'number',
  connectTimeoutSeconds: 'number',
  headersTimeoutSeconds: 'number',
  bodyTimeoutSeconds: 'number',
  ca: 'string',
  clientCert: 'string',
  clientKey: 'string',
  spkiPins: 'strings',
  allowForeignKids: 'boolean',
  unsafeAllowHttp: 'boolean',
  tokenCacheSize: 'number',
  onEvent: 'function',
  clock: 'object',
  fetch: 'function',
  random: 'function',
})

/**
 * Refuses an option that means nothing, since a misspelt one must not pass for its default; and one of another type, which would
 * fail when a token comes, or be taken for its default.
 *
 * @throws {KeyturnError} `verifier_options_invalid`
 */
export function assertOptions(options: VerifierOptions): void {
  assertNames(options, Object.keys(OPTIONS), 'verifier_options_invalid', 'no option of a verifier')
  for (const [name, value] of Object.entries(options)) {
    const type = OPTIONS[name as keyof VerifierOptions]
    if (value === undefined || type === 'expectation' || isOfType(value, type)) continue
    if (name === 'jwksUrl' && value === null) continue
    throw optionInvalid(name, `a value of type ${type}`)
  }
}

function isOfType(value: unknown, type: OptionType): boolean {
  if (type === 'strings') return isStringArray(value)
  return typeof value === type && value !== null
}
