/**
 * What `npm run mutation -- NAME` mutates: code that is pure and decides, as paths below the sources of a package. Its mutants
 * must die by the tests that stand beside these files: those say what is decided, and are done in seconds.
 */
const SETS = {
  keyring: {
    package: 'keyring',
    files: [
      'key-record',
      'ring',
      'timing',
      'plan',
      'changes',
      'manual-rotation',
      'revocation',
      'key-import',
      'published-set',
      'set-limit',
      'signing-terms',
      'clock-guard',
      'keyring-health',
      'back-off',
    ],
  },
}

/** By this Stryker's processes know which set they work on. */
export const SET_VARIABLE = 'KEYTURN_MUTATION_SET'

/** The set of that name: paths from the root. */
export function setNamed(name) {
  const set = SETS[name]
  if (set === undefined) throw new Error(`expected one of ${Object.keys(SETS).join(', ')}, not ${name}`)
  const sources = `packages/${set.package}/src`
  return {
    name,
    sources,
    mutate: set.files.map((file) => `${sources}/${file}.ts`),
    tests: set.files.map((file) => `${sources}/${file}.test.ts`),
    report: `reports/mutation/${name}.json`,
  }
}
