import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { filesBelow, node, root } from './workspace.mjs'

/**
 * Writes docs/reference from the code. `--check` writes nothing, and fails when a page is not what it would write, or when
 * an error code is missing in docs/reference/errors.md.
 */

// a module of the verifier is read as it is written, which takes the pinned Node
if (!process.features.typescript) {
  await node(['scripts/reference.mjs', ...process.argv.slice(2)])
  process.exit()
}

const isCheck = process.argv.includes('--check')
const built = (path) => import(join(root, 'packages', path))
const pages = {
  'configuration.md': await configuration(),
  'cli.md': await commands(),
  'metrics.md': await metrics(),
}
const stale = Object.entries(pages).filter(([name, text]) => read(name) !== text)
if (!isCheck) for (const [name, text] of stale) writeFileSync(pathOf(name), text)
const mistakes = isCheck
  ? [
      ...stale.map(([name]) => `docs/reference/${name} is stale: run node scripts/reference.mjs`),
      ...undocumentedErrors(),
    ]
  : []
if (mistakes.length > 0) {
  console.error(mistakes.join('\n'))
  process.exitCode = 1
}

/** Every text that looks like a code is one, or is among the few others that look so. */
function undocumentedErrors() {
  const others =
    /^(keyturn_\w+|chain_hash|client_id|client_secret\w*|client_credentials|grant_type|access_token|unrecognized_keys|invalid_token|insufficient_scope)$/
  const text = read('errors.md') ?? ''
  const firstCells = [...text.matchAll(/^\| (`[^|]*`) \|/gm)].map(([, cell]) => cell).join()
  const documented = new Set(
    [...text.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g), ...firstCells.matchAll(/`([a-z]+)`/g)].map(
      ([, name]) => name,
    ),
  )
  const sources = [
    ...filesBelow('packages', '.ts').filter((file) => !/\.(test|fixture)\.ts$|\/testing\//.test(file)),
    ...filesBelow('packages/keyturn/bin', '.js'),
  ]
  const used = new Set(
    sources.flatMap((file) => {
      const text = readFileSync(join(root, file), 'utf8')
      const codes =
        /'([a-z]+(?:_[a-z0-9]+)+)'|^ {2}([a-z]+(?:_[a-z]+)+): 'expected|Refusal\(\d+, '([a-z]+)'/gm
      return [...text.matchAll(codes)].map(([, a, b, c]) => a ?? b ?? c)
    }),
  )
  return [
    ...[...used]
      .filter((name) => !others.test(name) && !documented.has(name))
      .map((name) => `docs/reference/errors.md lacks ${name}`),
    ...[...documented]
      .filter((name) => !others.test(name) && !used.has(name))
      .map((name) => `docs/reference/errors.md has ${name}, which no code throws`),
  ]
}

async function configuration() {
  const { SECRET_SETTINGS, SETTING_KEYS, variableOf, flagOf, defaultOf, descriptionOf } = await built(
    'keyturn/dist/config/settings.js',
  )
  const { VERIFIER_VARIABLES } = await built('verifier/dist/index.js')
  return page('Configuration', [
    'Durations are `500ms`, `15s`, `5m`, `24h` or `7d`. An empty variable is as good as none, but not where it is to hold a secret of the authority. The authority and its commands refuse one that begins with `KEYTURN_` and is not here; a verifier refuses what looks like one of its own and is none, since others may share its environment.',
    '## Authority',
    'Flags win over the environment, the environment over the file that `--config` or `KEYTURN_CONFIG` names: a JSON object whose members are the names in the third column. A secret is taken from the environment only. `keyturn config check` shows what follows from it all.',
    table(
      ['variable', 'flag', 'in the file', 'default', 'what it is'],
      SETTING_KEYS.map((key) => [
        code(variableOf(key)),
        SECRET_SETTINGS.has(key) ? '' : code(flagOf(key)),
        SECRET_SETTINGS.has(key) ? '' : code(key),
        defaultOf(key) === undefined ? '' : code(defaultOf(key)),
        descriptionOf(key),
      ]),
    ),
    '## Verifier',
    'What `optionsFromEnv()` reads. Issuer and audience are mandatory.',
    table(
      ['variable', 'option', 'what it is'],
      VERIFIER_VARIABLES.map(({ name, option, description }) => [code(name), code(option), description]),
    ),
  ])
}

async function commands() {
  const { createProgram } = await built('keyturn/dist/cli/program.js')
  const { JSON_OUTPUT } = await built('keyturn/dist/cli/json-output.js')
  const program = createProgram()
  const helpOf = (command) =>
    `\`\`\`text\n${command.configureHelp({ helpWidth: 120 }).helpInformation().trim()}\n\`\`\``
  const leaves = (command, path) =>
    command.commands.length === 0
      ? [[path, command]]
      : command.commands.flatMap((child) => leaves(child, `${path} ${child.name()}`))
  const membersOf = (path) =>
    table(
      ['with `--json`', ''],
      Object.entries(JSON_OUTPUT[path]).map(([name, meaning]) => [code(name), meaning]),
    )
  return page('Commands', [
    'In a checkout: `npx keyturn …`. `keyturn --version` prints the version. Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 token rejected, 4 authority or store unreachable. Data goes to stdout (`--json`: as JSON), everything else to stderr, an error as one line with a code and, mostly, a remedy. What a terminal would obey instead of show is escaped. Every command takes the flags of the [configuration](configuration.md#authority), shown or not.',
    'With `--json` a command prints one object on one line. The table below each command has its members: `keys[].kid` is in each item of `keys`, `?` marks what may be absent, times are RFC 3339. An error is `{"error":{"code","message","remedy"}}` on stderr, mostly with a remedy.',
    ...leaves(program, 'keyturn').flatMap(([path, command]) => [
      `## ${path}`,
      helpOf(command),
      membersOf(path),
    ]),
  ])
}

async function metrics() {
  const { Metrics } = await built('keyturn/dist/telemetry/metrics.js')
  const { METRIC_FAMILIES } = await built('verifier/src/metric-families.ts')
  const registry = new Metrics()
  registry.observe({ keys: undefined, disks: undefined, backups: undefined })
  const own = registry.catalogue().filter(({ name }) => name.startsWith('keyturn_'))
  return page('Metrics', [
    '## Authority',
    'On the admin listener under `/metrics`, in base units. Labels are bounded: never a user or a client. A gauge that cannot be read, say for a disk that is gone, is NaN. The series of a key go with the key. Beside these there are the usual ones of a Node process (`process_*`, `nodejs_*`).',
    table(
      ['name', 'type', 'labels', 'meaning'],
      own.map(({ name, type, labels, help }) => [code(name), type, labels.map(code).join(' '), help]),
    ),
    '## Verifier',
    'From `@keyturn/verifier/prometheus` under the first name, from `@keyturn/verifier/opentelemetry` under the second: see [Watch your verifiers](../observability.md).',
    table(
      ['name', 'instrument', 'unit', 'type', 'labels', 'meaning'],
      METRIC_FAMILIES.map(({ name, instrument, unit, kind, label, help }) => [
        code(name),
        code(instrument),
        code(unit),
        kind,
        ['issuer', ...(label === undefined ? [] : [label])].map(code).join(' '),
        help,
      ]),
    ),
  ])
}

function page(title, parts) {
  return `<!-- Written by scripts/reference.mjs: edit the code instead. -->\n# ${title}\n\n${parts.join('\n\n')}\n`
}

function table(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

function code(text) {
  return `\`${text}\``
}

function read(name) {
  try {
    return readFileSync(pathOf(name), 'utf8')
  } catch {
    return undefined
  }
}

function pathOf(name) {
  return join(root, 'docs/reference', name)
}
