import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { TOKEN_REJECTIONS } from '@keyturn/core'
import { codeOf, fakeClock, type ListeningIssuer, testIssuer } from '@keyturn/testing'
import { createVerifier, onVerifierEvent, VERIFIER_EVENTS } from '@keyturn/verifier'
import { prometheusText } from '@keyturn/verifier/prometheus'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type DocumentPage, readPage, root, shell } from './document.ts'
import { freePort, startScript, stopAll } from './end-to-end/processes.ts'

const issuer = 'https://issuer.test'

/** Below the root, so that snippets find the packages as a user's code does. */
const snippets = join(root, 'node_modules/.cache/observability')

let page: DocumentPage
let served: ListeningIssuer
beforeAll(async () => {
  page = await readPage('docs/observability.md')
  await mkdir(snippets, { recursive: true })
  served = await (await testIssuer()).listen()
})
afterEach(stopAll)
afterAll(async () => {
  await served.close()
  await rm(snippets, { recursive: true, force: true })
})

/** Runs examples as their reader would, and then some more. Gives what they print. */
async function run(names: readonly string[], more: string, before = ''): Promise<string> {
  const code = [before, page.block('beginning'), ...names.map((name) => page.block(name)), more]
  await writeFile(join(snippets, 'example.mjs'), code.join('\n'))
  return (await shell('node example.mjs', served.env, snippets)).stdout
}

/** What an example serves. */
async function ask(name: string): Promise<Response> {
  const port = String(await freePort())
  const code = `${page.block('beginning')}${page.block(name).replace('.listen(8080)', `.listen(${port}, () => console.log('{}'))`)}`
  await writeFile(join(snippets, `${name}.mjs`), code)
  await startScript(pathToFileURL(join(snippets, `${name}.mjs`)).href, served.env)
  return await fetch(`http://127.0.0.1:${port}`)
}

/** The rows of the table that follows a heading: names in the first cell, and in the second. */
function rowsBelow(heading: string): readonly (readonly [first: string, names: readonly string[]])[] {
  const [, part = ''] = page.text.split(`## ${heading}\n`)
  const [section = ''] = part.split('\n## ')
  return [...section.matchAll(/^\| `([^`]+)` \| (.*?) \|/gm)].map(([, first = '', second = '']) => [
    first,
    [...second.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  ])
}

describe('a verifier that is watched as documented (R45, R66)', () => {
  it('says how it is', async () => {
    const answer = await ask('health')
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ status: 'fresh', source: 'remote', circuit: 'closed' })
  })

  it('is measured by Prometheus', async () => {
    const answer = await ask('prometheus')
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4')
    expect(await answer.text()).toContain(
      `keyturn_verifier_keys_status{issuer="${issuer}",status="fresh"} 1\n`,
    )
  })

  it('is measured by OpenTelemetry', async () => {
    const sdk = `
      import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
      const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
      const reader = new PeriodicExportingMetricReader({ exporter })
      metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))`
    const flush = `
      await verifier.verify('x').catch(() => {})
      await reader.forceFlush()
      const [{ scopeMetrics: [{ scope, metrics: read }] }] = exporter.getMetrics()
      console.log(scope.name, read.map(({ descriptor }) => descriptor.name).join())
      process.exit()`
    expect(await run(['opentelemetry'], flush, sdk)).toBe(
      '@keyturn/verifier keyturn.verify,keyturn.verifier.jwks.refresh,keyturn.verifier.jwks.failures_consecutive,keyturn.verifier.jwks.age,keyturn.verifier.keys.status,keyturn.verifier.cache.hits\n',
    )
  })

  it('tells what happens, with types and without', async () => {
    const more = `
      await verifier.verify('x').catch(() => {})
      createVerifier(options).ready().then(() => process.exit())`
    expect(await run(['events', 'channel'], more)).toBe(
      `a token of ${issuer}: token_malformed\ngone at ${issuer}: \n`,
    )
  })
})

describe('what the page on observability says (R45, R66)', () => {
  it('has every member of the health report', async () => {
    const verifier = createVerifier({ issuer: 'https://i.test', audience: 'a' })
    expect(rowsBelow('Health').map(([name]) => name)).toEqual(Object.keys(verifier.health()))
    verifier.close()
  })

  it('has every kind of event, with what a message really holds', async () => {
    const heard = new Map<string, readonly string[]>()
    const ends = VERIFIER_EVENTS.map((kind) =>
      onVerifierEvent(kind, ({ kind: _, issuer: of, ...rest }) => {
        expect(of).toBe(issuer)
        heard.set(kind, Object.keys(rest))
      }),
    )
    const clock = fakeClock()
    const { endpoint, verifierOptions, ...made } = await testIssuer({ clock })
    const verifier = createVerifier({
      ...verifierOptions,
      pinnedKeys: made.jwks(),
      snapshotFile: join(snippets, 'no-such-folder/keys.snapshot'),
      snapshotSecret: 'x'.repeat(32),
    })
    endpoint.fail()
    await verifier.ready()
    const strangers = await Promise.all(Array.from({ length: 3 }, () => testIssuer({ clock })))
    await codeOf(verifier.verify(await strangers[0]?.token()))
    endpoint.recover()
    await clock.advance(3_600_000)
    for (const stranger of strangers) await codeOf(verifier.verify(await stranger.token()))
    // told by a disk, which takes its own time
    await vi.waitUntil(() => heard.has('snapshot-failed'), { timeout: 30_000 })
    verifier.close()
    for (const end of ends) end()
    expect(rowsBelow('Events')).toEqual(VERIFIER_EVENTS.map((kind) => [kind, heard.get(kind)]))
  })

  it('alerts on metrics, labels and values that there are', () => {
    const verifier = createVerifier({ issuer: 'https://i.test', audience: 'a' })
    const text = prometheusText({ 'https://i.test': verifier })
    verifier.close()
    const selectors = [...page.block('alerts').matchAll(/(keyturn_\w+)(?:\{(\w+)=~?"([^"]+)"\})?/g)]
    expect(selectors).toHaveLength(7)
    const results = new Set(['keys_unavailable', ...Object.keys(TOKEN_REJECTIONS)])
    for (const [, name, label, values = ''] of selectors) {
      expect(text).toContain(`# TYPE ${name} `)
      if (name === 'keyturn_verify_total') {
        for (const value of values.split('|')) if (label === 'result') expect(results).toContain(value)
      } else expect(text).toContain(`${name}{issuer="https://i.test",${label}="${values}"} `)
    }
  })
})
