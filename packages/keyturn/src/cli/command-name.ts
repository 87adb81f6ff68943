import type { Command } from 'commander'

/** The command as an operator typed it. */
export function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`
}
