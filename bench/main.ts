import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { replaceMeasured } from './document.ts'
import { describeMachine } from './measuring/machine.ts'
import type { BenchReport, SuiteName } from './report.ts'
import { FULL, QUICK, type Settings, SUITES } from './suites.ts'
import { renderReport } from './tables.ts'

/**
 * `npm run bench [-- --quick] [--only SUITE]… [--json FILE] [--write]`: us, our peers and the limit of the machine in one run,
 * taking turns. `--write` replaces bench/results.json and the tables of docs/performance.md.
 */

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: Object.keys(SUITES) },
    json: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
})
const RESULTS = new URL('./results.json', import.meta.url)
const DOCUMENT = new URL('../docs/performance.md', import.meta.url)

const json = JSON.stringify(
  await measure(values.only.map(suiteNamed), values.quick ? QUICK : FULL),
  roundedNumber,
  1,
)
// as it was rounded, so that what is printed and what is in the document can be had from the file
const tables = renderReport(JSON.parse(json))
if (values.json !== undefined) writeFileSync(values.json, json)
if (values.write) {
  writeFileSync(RESULTS, json)
  writeFileSync(DOCUMENT, replaceMeasured(readFileSync(DOCUMENT, 'utf8'), tables))
}
console.log(tables)

async function measure(names: readonly SuiteName[], settings: Settings): Promise<BenchReport> {
  const machine = describeMachine()
  const suites: Record<string, unknown> = {}
  for (const name of names) {
    console.error(`measuring ${name} …`)
    suites[name] = await SUITES[name](settings)
  }
  return { machine, isQuick: settings === QUICK, suites }
}

function suiteNamed(name: string): SuiteName {
  if (Object.hasOwn(SUITES, name)) return name as SuiteName
  throw new Error(`--only: expected one of ${Object.keys(SUITES).join(', ')}`)
}

/** Four digits are more than any of it is worth. */
function roundedNumber(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value
}
