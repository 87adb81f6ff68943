import { SET_VARIABLE, setNamed } from './scripts/mutation-sets.mjs'

const { name, mutate, report } = setNamed(process.env[SET_VARIABLE])

/** Mutation testing, as `npm run mutation` starts it. */
export default {
  mutate,
  plugins: ['@stryker-mutator/vitest-runner'],
  testRunner: 'vitest',
  vitest: { configFile: 'scripts/mutation-vitest.mjs' },
  coverageAnalysis: 'perTest',
  concurrency: 2,
  // a machine that is busy is no failure; a mutant that loops is found by counting
  timeoutMS: 60_000,
  incremental: true,
  incrementalFile: `reports/mutation/${name}.incremental.json`,
  thresholds: { high: 100, low: 95, break: 95 },
  reporters: ['clear-text', 'json'],
  clearTextReporter: { logTests: false, reportTests: false, allowColor: false },
  jsonReporter: { fileName: report },
  tempDirName: 'reports/mutation/sandbox',
  // not read by the tests; everything else is copied
  ignorePatterns: ['/bench', '/docs', '/data', '/keys', '/packages/*/dist', '*.tsbuildinfo'],
}
