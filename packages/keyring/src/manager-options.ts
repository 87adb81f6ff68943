import {
  assertNames,
  type Clock,
  definedIn,
  errorCodeOf,
  isolatedListener,
  KeyturnError,
  ownOptions,
  systemClock,
} from '@keyturn/core'
import type { AuditTrail } from './audit-trail.ts'
import { NO_AUDIT } from './audited-save.ts'
import type { KeyringEvent } from './events.ts'
import { type GenerateKeyPair, generateSigningPair, proven } from './key-pair.ts'
import { reportingStore } from './reporting-store.ts'
import type { KeyStore } from './stores/key-store.ts'
import { type KeyPolicy, policyViolations } from './timing.ts'

/** What `KeyManager.open` needs. */
export interface KeyManagerOptions {
  readonly store: KeyStore
  readonly policy: KeyPolicy
  /**
   * `true` (default): creates the ring where nothing of an installation exists, keeps it turning, and serves it.
   * `false`: an operator's visit, which creates nothing and changes only what it is told to.
   */
  readonly serving?: boolean
  readonly clock?: Clock
  /** Hears what happens to the keys. What fails in it becomes a warning of the process, and holds up nothing. */
  readonly onEvent?: (event: KeyringEvent) => void
  /** Writes down what each write does, before it does. Default: nowhere. */
  readonly audit?: AuditTrail
  /** Makes key pairs, each of which is tried before it comes into the ring. Default: {@link generateSigningPair}. */
  readonly generate?: GenerateKeyPair
  /**
   * How long ago the ring in memory may have been seen in the store, in milliseconds, for `KeyManager.sign` to sign: for so
   * long a revocation by another replica may go unheard. Default: no limit.
   */
  readonly maxStalenessMs?: number
  /** Spreads retries; returns 0 to 1. Default `Math.random`. */
  readonly random?: () => number
}

/** Every option, so that the compiler misses none here. */
const NAMES: Readonly<Record<keyof KeyManagerOptions, true>> = Object.freeze({
  store: true,
  policy: true,
  serving: true,
  clock: true,
  onEvent: true,
  audit: true,
  generate: true,
  maxStalenessMs: true,
  random: true,
})

/**
 * Says what holds where nothing was said, and checks the rest. Failures of the store are told of as events; a listener that fails
 * disturbs nothing.
 *
 * @throws {KeyturnError} `manager_options_invalid`, `policy_invalid`
 */
export function completeOptions(options: KeyManagerOptions): Required<KeyManagerOptions> {
  const own = ownOptions(options, 'manager_options_invalid')
  assertNames(own, Object.keys(NAMES), 'manager_options_invalid', 'no option of a key manager')
  const { store, generate } = own
  const onEvent = isolatedListener(own.onEvent)
  const complete: Required<KeyManagerOptions> = {
    serving: true,
    clock: systemClock,
    random: Math.random,
    audit: NO_AUDIT,
    maxStalenessMs: Number.POSITIVE_INFINITY,
    ...(definedIn(own) as KeyManagerOptions),
    generate: generate === undefined ? generateSigningPair : proven(generate),
    onEvent,
    store: reportingStore(store, (operation, error) =>
      onEvent({ kind: 'store-failed', operation, code: errorCodeOf(error) }),
    ),
  }
  assertOptions(complete)
  return complete
}

/** @throws {KeyturnError} `policy_invalid` */
function assertOptions({ policy, store: { pollMs }, maxStalenessMs }: Required<KeyManagerOptions>): void {
  const lines = policyViolations(policy).map(({ about, problem }) => `${about}: ${problem}`)
  if (pollMs > policy.timing.storePollMs) {
    lines.push(`storePollMs: expected at least the ${pollMs} ms in which the store shows what others write`)
  }
  if (!(maxStalenessMs > 0)) lines.push('maxStalenessMs: expected a duration in milliseconds')
  if (lines.length > 0) throw new KeyturnError('policy_invalid', lines.join('; '))
}
