import type { BatchObservableCallback, Meter, Observable } from '@opentelemetry/api'
import { METRIC_FAMILIES, type MeasuredVerifiers, type MetricFamily, measure } from '../metric-families.ts'

/**
 * Has a meter of OpenTelemetry observe verifiers, by their issuers: whenever it is read, each is asked for its health once.
 * Attributes are issuers and codes, which are bounded; never a token or what is in one.
 *
 * @returns what ends it
 *
 * @example
 * import { metrics } from '@opentelemetry/api'
 * observeVerifiers(metrics.getMeter('@keyturn/verifier'), { 'https://auth.example': verifier })
 */
export function observeVerifiers(meter: Meter, verifiers: MeasuredVerifiers): () => void {
  const instruments = new Map(METRIC_FAMILIES.map((family) => [family, instrumentOf(meter, family)]))
  const observe: BatchObservableCallback = (result) => {
    for (const { family, samples } of measure(verifiers)) {
      const instrument = instruments.get(family)
      for (const { labels, value } of samples) {
        if (instrument !== undefined && value !== undefined) result.observe(instrument, value, labels)
      }
    }
  }
  const observables = [...instruments.values()]
  meter.addBatchObservableCallback(observe, observables)
  return () => meter.removeBatchObservableCallback(observe, observables)
}

function instrumentOf(meter: Meter, { instrument, kind, unit, help }: MetricFamily): Observable {
  const options = { description: help, unit }
  return kind === 'counter'
    ? meter.createObservableCounter(instrument, options)
    : meter.createObservableGauge(instrument, options)
}
