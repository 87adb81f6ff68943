/**
 * What `npm run mutation -- NAME` mutates: code that decides, as paths below the sources of a package. Its mutants must die by
 * the tests that stand beside these files, or by those named here: all say what is decided, and are done in seconds.
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
      'tombstones',
      'set-limit',
      'signing-terms',
      'clock-guard',
      'keyring-health',
      'back-off',
    ],
  },
  verifier: {
    package: 'verifier',
    files: [
      'key-set/cache-policy',
      'key-set/held-set',
      'key-set/key-set-memory',
      'key-set/circuit-breaker',
      'key-set/refetch-budget',
      'key-set/unknown-kids',
      'key-set/key-set-url',
      'key-set/refresh-timer',
      'key-set/succession',
      'token-cache',
      'multi-verifier',
    ],
  },
  'core-token': {
    package: 'core',
    files: ['claims', 'session', 'claimed-issuer'],
    tests: ['token{,-expectations,-header}', 'claims', 'session', 'claimed-issuer'],
  },
  'core-verify': {
    package: 'core',
    files: ['token', 'token-expectations', 'jws', 'base64url', 'json', 'scratch'],
    tests: ['token{,-expectations,-header,-forgery}', 'jws', 'base64url', '{,i-}json', 'scratch'],
  },
  'core-keys': {
    package: 'core',
    files: ['jwk', 'jwk-set'],
    tests: ['jwk{,-key-types,-set}', 'available-algorithms'],
  },
  'core-weak-keys': {
    package: 'core',
    files: ['weak-keys', 'own-options'],
  },
  'core-ecdsa': {
    package: 'core',
    files: ['ecdsa-signature'],
  },
  'core-signed-sets': {
    package: 'core',
    files: ['signed-jwk-set'],
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
    tests: (set.tests ?? set.files).map((file) => `${sources}/${file}.test.ts`),
    report: `reports/mutation/${name}.json`,
  }
}
