import type { MultiVerifier, MultiVerifierHealth } from './multi-verifier.ts'
import type { Verifier, VerifierHealth } from './verifier.ts'

/** Verifiers by their issuers, or a verifier of several. */
export type MeasuredVerifiers =
  | Readonly<Record<string, Pick<Verifier, 'health'>>>
  | Pick<MultiVerifier, 'health'>

/** What a family of metrics is called, and what it says of a verifier. */
export type MetricFamily = MetricNames & (OneValue | ValuesByLabel)

interface MetricNames {
  /** For Prometheus: with its unit, and `_total` where it counts. */
  readonly name: string
  /** For OpenTelemetry, which has the unit apart. */
  readonly instrument: string
  readonly kind: 'counter' | 'gauge'
  /** As of UCUM: `s`, or what is counted, in braces. */
  readonly unit: string
  readonly help: string
}

interface OneValue {
  readonly label?: undefined
  /** `undefined` where there is nothing to say. */
  readonly read: (health: VerifierHealth) => number | undefined
}

interface ValuesByLabel {
  /** What the values of one issuer differ in. */
  readonly label: 'result' | 'status'
  readonly read: (health: VerifierHealth) => Readonly<Record<string, number>>
}

/** One value, and what it is of. */
export interface MetricSample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number | undefined
}

/** A family as it is now. */
export interface Measurement {
  readonly family: MetricFamily
  readonly samples: readonly MetricSample[]
}

const VERIFICATIONS: MetricNames & ValuesByLabel = {
  name: 'keyturn_verify_total',
  instrument: 'keyturn.verify',
  kind: 'counter',
  unit: '{token}',
  help: 'Verifications: accepted, or by the code of the refusal',
  label: 'result',
  read: ({ verifications }) => verifications,
}
const NO_STATUS: Readonly<Record<VerifierHealth['status'], 0>> = { fresh: 0, stale: 0, unavailable: 0 }

/** The metrics of verifiers. Labels are issuers, codes and states, which are bounded; never a token or what is in one. */
export const METRIC_FAMILIES: readonly MetricFamily[] = [
  VERIFICATIONS,
  {
    name: 'keyturn_verifier_jwks_refresh_total',
    instrument: 'keyturn.verifier.jwks.refresh',
    kind: 'counter',
    unit: '{fetch}',
    help: 'Fetches of the key set',
    label: 'result',
    read: ({ refreshes }) => refreshes,
  },
  {
    name: 'keyturn_verifier_jwks_failures_consecutive',
    instrument: 'keyturn.verifier.jwks.failures_consecutive',
    kind: 'gauge',
    unit: '{fetch}',
    help: 'Failed fetches since the last that succeeded',
    read: ({ consecutiveFailures }) => consecutiveFailures,
  },
  {
    name: 'keyturn_verifier_jwks_age_seconds',
    instrument: 'keyturn.verifier.jwks.age',
    kind: 'gauge',
    unit: 's',
    help: 'Since the keys were last confirmed; NaN, or no value, when they never were',
    read: ({ ageSeconds }) => ageSeconds,
  },
  {
    name: 'keyturn_verifier_keys_status',
    instrument: 'keyturn.verifier.keys.status',
    kind: 'gauge',
    unit: '{issuer}',
    help: '1 for what the keys are: fresh, stale and still used, or unavailable; 0 for the others',
    label: 'status',
    read: ({ status }) => ({ ...NO_STATUS, [status]: 1 }),
  },
  {
    name: 'keyturn_verifier_cache_hits_total',
    instrument: 'keyturn.verifier.cache.hits',
    kind: 'counter',
    unit: '{token}',
    help: 'Accepted tokens that were remembered',
    read: ({ tokenCache }) => tokenCache.hits,
  },
]

/** Looks at each verifier once, and says what there is to say of it in every family. */
export function measure(verifiers: MeasuredVerifiers): readonly Measurement[] {
  const { issuers, unassigned } = healthOf(verifiers)
  return METRIC_FAMILIES.map((family) => ({
    family,
    samples: [
      ...Object.entries(issuers).flatMap(([issuer, health]) => samplesOf(family, issuer, health)),
      ...(family === VERIFICATIONS ? samplesBy('result', unassigned, {}) : []),
    ],
  }))
}

function healthOf(verifiers: MeasuredVerifiers): MultiVerifierHealth {
  if (typeof verifiers.health === 'function') return verifiers.health()
  const issuers = Object.entries(verifiers).map(([issuer, verifier]) => [issuer, verifier.health()])
  return { issuers: Object.fromEntries(issuers), unassigned: {} }
}

function samplesOf(family: MetricFamily, issuer: string, health: VerifierHealth): readonly MetricSample[] {
  if (family.label === undefined) return [{ labels: { issuer }, value: family.read(health) }]
  return samplesBy(family.label, family.read(health), { issuer })
}

function samplesBy(
  label: ValuesByLabel['label'],
  values: Readonly<Record<string, number>>,
  labels: MetricSample['labels'],
): readonly MetricSample[] {
  return Object.entries(values).map(([name, value]) => ({ labels: { ...labels, [label]: name }, value }))
}
