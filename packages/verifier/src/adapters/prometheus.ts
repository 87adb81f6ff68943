import type { Verifier, VerifierHealth } from '../verifier.ts'

interface Family {
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly help: string
  readonly samples: (
    health: VerifierHealth,
  ) => readonly (readonly [result: string | undefined, value: number])[]
}

const FAMILIES: readonly Family[] = [
  {
    name: 'keyturn_verify_total',
    type: 'counter',
    help: 'Verifications: accepted, or by the code of the refusal',
    samples: ({ verifications }) => Object.entries(verifications),
  },
  {
    name: 'keyturn_verifier_jwks_refresh_total',
    type: 'counter',
    help: 'Fetches of the key set',
    samples: ({ refreshes: { success, failure } }) => [
      ['success', success],
      ['failure', failure],
    ],
  },
  {
    name: 'keyturn_verifier_jwks_age_seconds',
    type: 'gauge',
    help: 'Since the keys were last confirmed; NaN when they never were',
    samples: ({ ageSeconds = Number.NaN }) => [[undefined, ageSeconds]],
  },
  {
    name: 'keyturn_verifier_cache_hits_total',
    type: 'counter',
    help: 'Accepted tokens that were remembered',
    samples: ({ tokenCache }) => [[undefined, tokenCache.hits]],
  },
]

/**
 * The metrics of verifiers, by their issuers, as Prometheus reads them. Labels are issuers and codes, which are bounded; never a
 * token or what is in one.
 *
 * @example
 * response.setHeader('content-type', 'text/plain; version=0.0.4')
 * response.end(prometheusText({ 'https://auth.example': verifier }))
 */
export function prometheusText(verifiers: Readonly<Record<string, Pick<Verifier, 'health'>>>): string {
  const healths = Object.entries(verifiers).map(([issuer, verifier]) => [issuer, verifier.health()] as const)
  const lines = FAMILIES.flatMap(({ name, type, help, samples }) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...healths.flatMap(([issuer, health]) =>
      samples(health).map(([result, value]) => `${name}{${labels(issuer, result)}} ${value}`),
    ),
  ])
  return `${lines.join('\n')}\n`
}

function labels(issuer: string, result: string | undefined): string {
  const first = `issuer="${escaped(issuer)}"`
  return result === undefined ? first : `${first},result="${escaped(result)}"`
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
