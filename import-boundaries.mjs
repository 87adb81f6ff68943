/**
 * Who may import whom (docs/adr/0004): dependency sets and trust boundaries differ, so that a service that verifies
 * carries neither the server's dependencies nor code that can hold a private key. Run by `npm run check`.
 */

const library = (name, others, exceptions = []) => ({
  name: `${name}-stays-within`,
  comment: `${name} imports only ${['itself', ...others, "Node's own modules"].join(', ')}`,
  severity: 'error',
  from: { path: `^packages/${name}/src/`, pathNot: ['\\.(test|fixture)\\.ts$', ...exceptions] },
  to: { pathNot: `^packages/(${[name, ...others].join('|')})/`, dependencyTypesNot: ['core'] },
})

export default {
  forbidden: [
    library('core', []),
    library('keyring', ['core'], ['^packages/keyring/src/stores/postgres/']),
    {
      name: 'keyring-postgres-adds-pg',
      comment:
        'the one entry of keyring that needs a third party, @keyturn/keyring/postgres, needs pg and no other',
      severity: 'error',
      from: { path: '^packages/keyring/src/stores/postgres/', pathNot: '\\.test\\.ts$' },
      to: { pathNot: '^(packages/(keyring|core)/|node_modules/(@types/)?pg/)', dependencyTypesNot: ['core'] },
    },
    {
      name: 'postgres-is-an-entry-of-its-own',
      comment: 'who imports @keyturn/keyring does not need pg',
      severity: 'error',
      from: {
        path: '^packages/keyring/src/',
        pathNot: ['^packages/keyring/src/stores/postgres/', '\\.test\\.ts$'],
      },
      to: { path: '^packages/keyring/src/stores/postgres/' },
    },
    library('verifier', ['core'], ['^packages/verifier/src/adapters/']),
    {
      name: 'adapters-take-types-of-their-framework',
      comment:
        'an adapter of verifier takes the types of the framework that it is named after, and none of its code',
      severity: 'error',
      from: {
        path: '^packages/verifier/src/adapters/([a-z-]+)\\.ts$',
        pathNot: ['\\.(test|fixture)\\.ts$'],
      },
      to: {
        pathNot: '^(packages/(verifier|core)/|node_modules/(@types/|@)?$1/)',
        dependencyTypesNot: ['core'],
      },
    },
    {
      name: 'adapters-load-no-framework',
      comment: 'frameworks are optional peers: nothing of the verifier loads one',
      severity: 'error',
      from: { path: '^packages/verifier/src/', pathNot: ['\\.(test|fixture)\\.ts$'] },
      to: { path: 'node_modules/', dependencyTypesNot: ['type-only', 'core'] },
    },
    {
      name: 'adapters-are-entries-of-their-own',
      comment: 'who imports @keyturn/verifier needs the types of no framework',
      severity: 'error',
      from: { path: '^packages/verifier/src/', pathNot: ['^packages/verifier/src/adapters/'] },
      to: { path: '^packages/verifier/src/adapters/' },
    },
    library('testing', ['core', 'keyring', 'verifier']),
    {
      name: 'simulator-is-an-entry-of-its-own',
      comment:
        'who wants a fake clock or a test issuer does not load the simulator: @keyturn/testing/simulator does',
      severity: 'error',
      from: { pathNot: '^packages/testing/src/simulator/' },
      to: { path: '^packages/testing/src/simulator/' },
    },
    {
      name: 'core-does-no-io',
      comment: 'core is pure: node:crypto, and the clock port of who composes',
      severity: 'error',
      from: { path: '^packages/core/src/', pathNot: '\\.(test|fixture)\\.ts$' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?crypto$' },
    },
    {
      name: 'no-deep-import',
      comment: 'a package is entered by what its package.json exports',
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: { path: '^packages/[^/]+/src/', pathNot: '^packages/$1/' },
    },
    {
      name: 'only-composition-names-a-concrete-store',
      comment:
        'the routes and services of the authority know ports; main.ts, installation.ts and the command line choose',
      severity: 'error',
      from: {
        path: '^packages/keyturn/src/',
        pathNot: [
          '^packages/keyturn/src/(main\\.ts|installation\\.ts|state/|cli/)',
          '\\.(test|fixture)\\.ts$',
        ],
      },
      to: { path: '^packages/keyturn/src/state/sqlite' },
    },
    {
      name: 'services-know-no-http',
      comment: 'http -> service -> state: never back',
      severity: 'error',
      from: { path: '^packages/keyturn/src/(service|state)/' },
      to: { path: '^packages/keyturn/src/(http|cli)/' },
    },
    {
      name: 'commands-load-no-server',
      comment: 'only `keyturn serve` loads what serves, once it runs: every other command starts without it',
      severity: 'error',
      from: { path: '^packages/keyturn/src/cli/', pathNot: '\\.test\\.ts$' },
      to: {
        path: '^packages/keyturn/src/(main\\.ts|http/|telemetry/(logger|metrics)\\.ts)',
        dynamic: false,
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'no-cycle',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'nothing-unresolved',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '/dist/'] },
    exclude: { path: '/dist/.*\\.d\\.ts$' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
}
