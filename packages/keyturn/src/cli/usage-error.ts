import { KeyturnError } from '@keyturn/core'
import type { CommanderError } from 'commander'

/** Arguments that a command does not understand. */
export class UsageError extends KeyturnError {
  override readonly name = 'UsageError'

  /** `command` is the one that refuses, as it is typed. */
  constructor({ message }: CommanderError, command: string) {
    const line = message.replace(/^error: /, '').replace(/\n(\(Did you mean .*\))$/, ' $1')
    // what is long may be a token or a secret in the wrong place
    super('usage', line.replace(/\S{40,}/g, '…'), { remedy: `see: ${command} --help` })
  }
}
