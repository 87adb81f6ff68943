import { fakeClock, testIssuer } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import { createVerifier } from '../verifier.ts'
import { prometheusText } from './prometheus.ts'

describe('metrics of verifiers as Prometheus text (R45)', () => {
  it('count verifications, fetches and hits of each issuer, and tell nothing of a token', async () => {
    const clock = fakeClock()
    const { issuer, verifierOptions, ...made } = await testIssuer({ clock })
    const verifier = createVerifier({ ...verifierOptions, tokenCacheSize: 10 })
    expect(prometheusText({ [issuer]: verifier })).toContain(`jwks_age_seconds{issuer="${issuer}"} NaN\n`)

    const jwt = await made.token({ sub: 'alice' })
    for (let count = 0; count < 3; count++) await verifier.verify(jwt)
    await verifier.verify(await made.expiredToken({ sub: 'alice' })).catch(() => {})
    const text = prometheusText({ [issuer]: verifier })
    verifier.close()

    expect(text).toContain(`keyturn_verify_total{issuer="${issuer}",result="accepted"} 3\n`)
    expect(text).toContain(`keyturn_verify_total{issuer="${issuer}",result="token_expired"} 1\n`)
    expect(text).toContain(`keyturn_verifier_jwks_refresh_total{issuer="${issuer}",result="success"} 1\n`)
    expect(text).toContain(`keyturn_verifier_cache_hits_total{issuer="${issuer}"} 2\n`)
    expect(text).toContain(`keyturn_verifier_jwks_age_seconds{issuer="${issuer}"} 0\n`)
    for (const part of ['alice', ...jwt.split('.')]) expect(text).not.toContain(part)
  })

  it('tell an outage before users notice, and once they do', async () => {
    const clock = fakeClock()
    const { issuer, audience, endpoint } = await testIssuer({ clock })
    const verifier = createVerifier({ issuer, audience, clock, fetch: endpoint.fetch, random: () => 1 })
    const text = () => prometheusText({ [issuer]: verifier })
    const status = () => [...text().matchAll(/keys_status\{.*status="(\w+)"\} 1$/gm)].map(([, name]) => name)
    await verifier.ready()
    expect(status()).toEqual(['fresh'])
    endpoint.fail()
    await clock.advance(632_000)
    expect(status()).toEqual(['stale'])
    expect(text()).toContain(`keyturn_verifier_jwks_failures_consecutive{issuer="${issuer}"} 2\n`)
    expect(text()).toContain(`keyturn_verifier_jwks_refresh_total{issuer="${issuer}",result="failure"} 2\n`)
    await clock.advance(4_500_000)
    expect(status()).toEqual(['unavailable'])
    verifier.close()
  })

  it('have an issuer that cannot break out of its label', () => {
    const verifier = createVerifier({ issuer: 'https://i.test', audience: 'a' })
    expect(prometheusText({ 'a"\\\n': verifier })).toContain('{issuer="a\\"\\\\\\n"} NaN')
    verifier.close()
  })
})
