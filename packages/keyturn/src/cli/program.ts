import { readFileSync } from 'node:fs'
import { isJsonObject } from '@keyturn/core'
import { Command, type CommanderError } from 'commander'
import { auditCommands } from './audit-commands.ts'
import { clientsCommands } from './clients-commands.ts'
import { nameOf } from './command-name.ts'
import { configCommands } from './config-commands.ts'
import { keysCommands } from './keys-commands.ts'
import { serveCommand } from './serve-command.ts'
import { tokenCommands } from './token-commands.ts'
import { UsageError } from './usage-error.ts'

const EXIT_CODES = `
Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 token rejected, 4 authority or store unreachable.
Data goes to stdout (--json: as JSON), everything else to stderr.`

/** The command line. */
export function createProgram(): Command {
  const program = new Command('keyturn')
    .description('token signing keys that turn by themselves')
    .version(ownVersion(), '--version', 'print the version')
    .addHelpText('after', EXIT_CODES)
  program.addCommand(serveCommand())
  program.addCommand(keysCommands())
  program.addCommand(auditCommands())
  program.addCommand(clientsCommands())
  program.addCommand(tokenCommands())
  program.addCommand(configCommands())
  for (const command of everyCommand(program)) {
    command
      .exitOverride((error) => {
        throw isHelp(error) ? error : new UsageError(error, nameOf(command))
      })
      .configureOutput({ outputError: () => {} })
      .helpCommand(false)
    if (command.commands.length === 0) command.option('--json', 'print data and errors as JSON')
  }
  return program
}

/** The version of the package that this file came in. */
function ownVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return isJsonObject(manifest) ? String(manifest.version) : ''
}

function everyCommand(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(everyCommand)]
}

/** A help or a version that was asked for, or a help that is shown where a command is missing. */
function isHelp({ code, exitCode }: CommanderError): boolean {
  return exitCode === 0 || code === 'commander.help'
}
