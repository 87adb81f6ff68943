import { defineConfig } from 'vitest/config'
import type { Reporter } from 'vitest/node'
import { bundled } from './scripts/workspace.mjs'
import { isBundled, LIBRARIES } from './tests/packages/packed.ts'
import { packedModules } from './tests/packages/packed-modules.ts'
import { publicTests } from './tests/packages/public-tests.ts'

const source = (path: string) => new URL(`./packages/${path}`, import.meta.url).pathname

/** Unit tests read the sources of every package, so that no build stands between an edit and its test. */
const alias = [
  { find: /^@keyturn\/verifier\/([a-z-]+)$/, replacement: source('verifier/src/adapters/$1.ts') },
  {
    find: /^@keyturn\/keyring\/private-files$/,
    replacement: source('keyring/src/stores/private-files.ts'),
  },
  { find: /^@keyturn\/keyring\/postgres$/, replacement: source('keyring/src/stores/postgres/index.ts') },
  { find: /^@keyturn\/testing\/simulator$/, replacement: source('testing/src/simulator/index.ts') },
  { find: /^@keyturn\/(core|keyring|verifier|testing)$/, replacement: source('$1/src/index.ts') },
]

/** One closing line in words that any log reader understands. */
const closingLine: Reporter = {
  onTestRunEnd(modules) {
    const states = modules.flatMap((module) =>
      [...module.children.allTests()].map((test) => test.result().state),
    )
    const count = (state: string) => states.filter((one) => one === state).length
    console.log(`${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`)
  },
}

export default defineConfig({
  test: {
    reporters: ['default', closingLine],
    projects: [
      {
        resolve: { alias },
        // no test measures time; a machine that is busy is no failure
        test: { name: 'unit', include: ['packages/*/src/**/*.test.ts'], testTimeout: 60_000 },
      },
      {
        resolve: { alias },
        // what looks inside a package that is bundled, where its tarball has no door: those of `unit` that `packed` leaves out
        test: {
          name: 'inner',
          include: bundled.map((name) => `packages/${name}/src/**/*.test.ts`),
          exclude: bundled.flatMap(publicTests),
          testTimeout: 60_000,
        },
      },
      {
        // the libraries as users get them: the same tests, on what the tarballs hold; of a package that is bundled those
        // that come in as its users do
        plugins: [packedModules()],
        test: {
          name: 'packed',
          include: [
            ...LIBRARIES.filter((name) => !isBundled(name)).map(
              (name) => `packages/${name}/src/**/*.test.ts`,
            ),
            ...bundled.flatMap(publicTests),
          ],
          testTimeout: 60_000,
          // tests replace node:crypto below a module, which takes a module that is not loaded by Node itself
          server: { deps: { inline: [/\/node_modules\/@keyturn\//] } },
        },
      },
      {
        test: {
          name: 'whole',
          globalSetup: 'scripts/built.mjs',
          include: ['tests/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          // most of them wait for a process; more at once would make each of them wait for the others
          maxWorkers: 2,
          maxConcurrency: 2,
          // after the others
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
