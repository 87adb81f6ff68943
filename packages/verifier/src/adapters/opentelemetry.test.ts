import { fakeClock, testIssuer } from '@keyturn/testing'
import { diag } from '@opentelemetry/api'
import { DataPointType, MeterProvider, type MetricData, MetricReader } from '@opentelemetry/sdk-metrics'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createMultiVerifier } from '../multi-verifier.ts'
import { createVerifier } from '../verifier.ts'
import { observeVerifiers } from './opentelemetry.ts'
import { prometheusText } from './prometheus.ts'

/** Reads when it is told to. */
class ReaderOnDemand extends MetricReader {
  protected override async onShutdown(): Promise<void> {}
  protected override async onForceFlush(): Promise<void> {}
}

const reader = new ReaderOnDemand()
const provider = new MeterProvider({ readers: [reader] })
const meter = provider.getMeter('@keyturn/verifier')

/** What the SDK complains of goes here, and nowhere else. */
const complain = vi.fn()
diag.setLogger({ error: complain, warn: complain, info() {}, debug() {}, verbose() {} })

let end = () => {}
afterEach(() => end())

async function collect(): Promise<readonly MetricData[]> {
  const { resourceMetrics, errors } = await reader.collect()
  expect(errors).toEqual([])
  expect(complain).not.toHaveBeenCalled()
  return resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics)
}

/** As a collector writes it for Prometheus: dots become underscores, and the unit and `_total` are put behind the name. */
function asPrometheus({ descriptor: { name, unit, description }, ...data }: MetricData): readonly string[] {
  const isCounter = data.dataPointType === DataPointType.SUM && data.isMonotonic
  const full = `${name.replaceAll('.', '_')}${unit === 's' ? '_seconds' : ''}${isCounter ? '_total' : ''}`
  const samples = data.dataPoints.map(({ attributes, value }) => {
    const labels = Object.entries(attributes).map(([label, text]) => `${label}="${text}"`)
    return `${full}{${labels}} ${value}`
  })
  return [`# HELP ${full} ${description}`, `# TYPE ${full} ${isCounter ? 'counter' : 'gauge'}`, ...samples]
}

const linesOf = (text: string) => text.split('\n').filter((line) => line !== '' && !line.endsWith(' NaN'))

describe('metrics of verifiers as OpenTelemetry has them (R45)', () => {
  it('are those of Prometheus: names, units, kinds, labels and values', async () => {
    const clock = fakeClock()
    const { issuer, audience, endpoint, ...made } = await testIssuer({ clock })
    const options = { audience, clock, random: () => 1, tokenCacheSize: 10, fetch: endpoint.fetch }
    const other = { ...options, issuer: 'https://other.test', fetch: () => Promise.reject(new Error('down')) }
    const verifier = createMultiVerifier([{ ...options, issuer }, other])
    end = observeVerifiers(meter, verifier)
    await verifier.ready()
    const jwt = await made.token({ sub: 'alice' })
    for (let count = 0; count < 3; count++) await verifier.verify(jwt)
    await verifier.verify(await made.expiredToken()).catch(() => {})
    await verifier.verify('x').catch(() => {})
    await clock.advance(2500)

    const metrics = await collect()
    const text = prometheusText(verifier)
    verifier.close()
    expect(metrics.flatMap(asPrometheus)).toEqual(linesOf(text))
    expect(linesOf(text)).toEqual(
      expect.arrayContaining([
        `keyturn_verify_total{issuer="${issuer}",result="accepted"} 3`,
        'keyturn_verify_total{result="token_malformed"} 1',
        `keyturn_verifier_jwks_age_seconds{issuer="${issuer}"} 2`,
        'keyturn_verifier_jwks_failures_consecutive{issuer="https://other.test"} 2',
        'keyturn_verifier_keys_status{issuer="https://other.test",status="unavailable"} 1',
      ]),
    )
    expect(text).toContain('keyturn_verifier_jwks_age_seconds{issuer="https://other.test"} NaN\n')
  })

  it('ask each verifier once a reading, and none between them or once it was ended', async () => {
    const verifier = createVerifier({ issuer: 'https://i.test', audience: 'a' })
    const health = vi.spyOn(verifier, 'health')
    const stop = observeVerifiers(meter, { 'https://i.test': verifier })
    await collect()
    await collect()
    expect(health).toHaveBeenCalledTimes(2)
    stop()
    await collect()
    expect(health).toHaveBeenCalledTimes(2)
    verifier.close()
  })
})
