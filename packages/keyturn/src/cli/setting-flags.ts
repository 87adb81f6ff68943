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

/** The settings without which a command that works on the store cannot find it; the help of every command shows them. */
const ALWAYS_SHOWN: readonly SettingKey[] = ['dataDir']

/** Gives a command a flag for every setting. `all` shows them all in its help, else only where the data is. */
export function withSettings(command: Command, shown: 'all' | 'data-folder'): Command {
  command.option('--config <file>', 'JSON file with settings (KEYTURN_CONFIG)')
  for (const key of SETTING_KEYS.filter((it) => !SECRET_SETTINGS.has(it))) {
    const isFlag = key === 'unsafeHttp'
    const option = new Option(isFlag ? flagOf(key) : `${flagOf(key)} <value>`, describe(key))
    command.addOption(option.hideHelp(shown !== 'all' && !ALWAYS_SHOWN.includes(key)))
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
