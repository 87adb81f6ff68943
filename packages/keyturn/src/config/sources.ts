import { readFileSync } from 'node:fs'
import { errnoOf, isJsonObject, KeyturnError, meantName } from '@keyturn/core'
import { VERIFIER_VARIABLES } from '@keyturn/verifier'
import { flagOf, SECRET_SETTINGS, SETTING_KEYS, type SettingKey, variableOf } from './settings.ts'

/** Values as they were given: texts by setting, with the name under which the reader knows them. */
export type GivenSettings = ReadonlyMap<SettingKey, { readonly text: string; readonly name: string }>

/** Where settings may come from: the command line over the environment over a file. */
export interface ConfigSources {
  readonly flags: Readonly<Partial<Record<SettingKey, string>>>
  readonly env: Readonly<Record<string, string | undefined>>
  /** A JSON file whose members are settings. */
  readonly file: string | undefined
}

/**
 * Collects what was given, and refuses names that mean nothing: a misspelt setting must not pass for its default.
 *
 * @throws {KeyturnError} `config_unknown_setting`, `config_file_unreadable`
 */
export function collectSettings({ flags, env, file }: ConfigSources): GivenSettings {
  const given = new Map<SettingKey, { text: string; name: string }>()
  for (const [name, text] of fileSettings(file)) given.set(name, { text, name: `${name} in ${file}` })
  for (const key of knownVariables(env))
    given.set(key, { text: env[variableOf(key)] ?? '', name: variableOf(key) })
  for (const key of SETTING_KEYS) {
    const text = flags[key]
    if (text !== undefined) given.set(key, { text, name: flagOf(key) })
  }
  return given
}

/** Variables of the verifier are no mistake: a service and its authority may share an environment. */
const OTHERS: ReadonlySet<string> = new Set(['KEYTURN_CONFIG', ...VERIFIER_VARIABLES.map(({ name }) => name)])

/** An empty variable is as good as none, but not where that would leave the keys in the clear. */
function isSecret(name: string): boolean {
  return [...SECRET_SETTINGS].some((key) => variableOf(key) === name)
}

function knownVariables(env: ConfigSources['env']): readonly SettingKey[] {
  const ours = new Map(SETTING_KEYS.map((key) => [variableOf(key), key]))
  const names = Object.keys(env).filter(
    (name) => name.startsWith('KEYTURN_') && (env[name] !== '' || isSecret(name)),
  )
  const unknown = names.filter((name) => !ours.has(name) && !OTHERS.has(name))
  if (unknown.length > 0)
    throw unknownSetting(`${unknown.join(', ')}: no such variable`, unknown, [...ours.keys()])
  return names.map((name) => ours.get(name)).filter((key) => key !== undefined)
}

function fileSettings(file: string | undefined): readonly [SettingKey, string][] {
  if (file === undefined) return []
  const values = readSettingsFile(file)
  return Object.entries(values).map(([name, value]) => {
    const key = SETTING_KEYS.find((candidate) => candidate === name)
    if (key === undefined || SECRET_SETTINGS.has(key))
      throw unknownSetting(
        `${file}: ${JSON.stringify(name.slice(0, 64))} is no setting`,
        [name],
        SETTING_KEYS,
      )
    if (!['string', 'number', 'boolean'].includes(typeof value)) {
      throw new KeyturnError('config_invalid', `${name} in ${file}: expected a text, a number, true or false`)
    }
    return [key, String(value)]
  })
}

function readSettingsFile(file: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    const why = error instanceof SyntaxError ? 'is not JSON' : `cannot be read (${errnoOf(error)})`
    throw unreadableFile(file, why)
  }
  if (isJsonObject(value)) return value
  throw unreadableFile(file, 'is not a JSON object')
}

function unreadableFile(file: string, why: string): KeyturnError {
  return new KeyturnError('config_file_unreadable', `the configuration file ${file} ${why}`, {
    remedy: 'name a JSON object that this user can read: --config or KEYTURN_CONFIG',
  })
}

function unknownSetting(message: string, unknown: readonly string[], known: readonly string[]): KeyturnError {
  const meant = unknown.map((name) => meantName(name, known)).filter((name) => name !== undefined)
  const remedy =
    meant.length === 0 ? 'see docs/reference/configuration.md' : `did you mean ${meant.join(', ')}?`
  return new KeyturnError('config_unknown_setting', message, { remedy })
}
