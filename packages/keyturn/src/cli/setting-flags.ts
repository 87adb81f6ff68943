import { type Command, Option } from 'commander'
import { type AuthorityConfig, loadConfig } from '../config/load-config.ts'
import {
  defaultOf,
  descriptionOf,
  flagOf,
  SECRET_SETTINGS,
  SETTING_KEYS,
  type SettingKey,
  variableOf,
} from '../config/settings.ts'

/** The settings without which a command cannot find what it works on. */
const SHOWN = Object.freeze({
  all: SETTING_KEYS,
  'data-folder': ['dataDir'],
  'root-key': ['rootKeyFile'],
}) satisfies Readonly<Record<string, readonly SettingKey[]>>

/** Gives a command a flag for every setting; its help shows those that it wants. */
export function withSettings(command: Command, shown: keyof typeof SHOWN): Command {
  const keys: readonly SettingKey[] = SHOWN[shown]
  command.option('--config <file>', 'JSON file with settings (KEYTURN_CONFIG)')
  for (const key of SETTING_KEYS.filter((it) => !SECRET_SETTINGS.has(it))) {
    const isFlag = key === 'unsafeHttp'
    const option = new Option(isFlag ? flagOf(key) : `${flagOf(key)} <value>`, describe(key))
    command.addOption(option.hideHelp(!keys.includes(key)))
  }
  return command
}

/**
 * The configuration that a command runs under: its flags over the environment over the file.
 *
 * @throws {KeyturnError} what {@link loadConfig} throws
 */
export function configOf(command: Command): AuthorityConfig {
  const given = command.opts<Partial<Record<SettingKey | 'config', string | true>>>()
  const flags = Object.fromEntries(
    SETTING_KEYS.filter((key) => given[key] !== undefined).map((key) => [key, String(given[key])]),
  )
  const { env } = process
  const file = typeof given.config === 'string' ? given.config : env.KEYTURN_CONFIG || undefined
  return loadConfig({ flags, env, file })
}

function describe(key: SettingKey): string {
  const fallback = defaultOf(key)
  return `${descriptionOf(key)} (${variableOf(key)}${fallback === undefined ? '' : `=${fallback}`})`
}
