import { errnoOf } from '@keyturn/core'
import { CommanderError } from 'commander'
import { describeError, exitCodeOf } from './exit-code.ts'
import { withKidAsArgument } from './kid-argument.ts'
import { createProgram } from './program.ts'

/** Runs the command line of this process, and sets its exit code. */
export async function main(): Promise<void> {
  // a reader that has seen enough (`keyturn … | head`) is no failure
  process.stdout.on('error', (error) => process.exit(errnoOf(error) === 'EPIPE' ? 0 : 1))
  try {
    await createProgram().parseAsync(withKidAsArgument(process.argv))
  } catch (error) {
    process.exitCode = exitCodeOf(error)
    // it has been shown
    const isHelp = error instanceof CommanderError
    if (!isHelp) process.stderr.write(`${describeError(error, process.argv.includes('--json'))}\n`)
  }
}
