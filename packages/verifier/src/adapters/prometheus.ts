import { type MeasuredVerifiers, type MetricSample, measure } from '../metric-families.ts'

/**
 * The metrics of verifiers, by their issuers, as Prometheus reads them. Labels are issuers and codes, which are bounded; never a
 * token or what is in one.
 *
 * @example
 * response.setHeader('content-type', 'text/plain; version=0.0.4')
 * response.end(prometheusText({ 'https://auth.example': verifier }))
 */
export function prometheusText(verifiers: MeasuredVerifiers): string {
  const lines = measure(verifiers).flatMap(({ family: { name, kind, help }, samples }) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${kind}`,
    ...samples.map(({ labels, value = Number.NaN }) => `${name}${labelsText(labels)} ${value}`),
  ])
  return `${lines.join('\n')}\n`
}

function labelsText(labels: MetricSample['labels']): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return `{${pairs.join(',')}}`
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
