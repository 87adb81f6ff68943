import { fstatSync, statSync, writeFileSync } from 'node:fs'
import { devNull } from 'node:os'
import { errnoOf, KeyturnError } from '@keyturn/core'
import type { Command } from 'commander'
import { printable } from '../telemetry/printable.ts'

/** Data goes to stdout: as JSON when `--json` was given, else as text for people. */
export function print(command: Command, data: object, text: string): void {
  process.stdout.write(shown(command, data, text))
}

/**
 * The same for a secret, which nobody could see a second time: it is out when this returns.
 *
 * @throws {KeyturnError} `secret_not_shown`
 */
export function printSecret(command: Command, data: object, text: string): void {
  const { fd } = process.stdout
  // Node opens the null device where the output was closed
  if (isNullDevice(fd)) throw notShown('the output goes nowhere')
  try {
    writeFileSync(fd, shown(command, data, text))
  } catch (error) {
    throw notShown(errnoOf(error), error)
  }
}

/** Talk goes to stderr. */
export function say(line: string): void {
  process.stderr.write(`${printable(line)}\n`)
}

/** Lines up columns. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function isNullDevice(fd: number): boolean {
  const stats = fstatSync(fd)
  return stats.isCharacterDevice() && stats.rdev === statSync(devNull).rdev
}

function notShown(why: string, cause?: unknown): KeyturnError {
  return new KeyturnError('secret_not_shown', `cannot print the secret (${why}); nothing was changed`, {
    remedy: 'look where the output goes, and run it again',
    cause,
  })
}

function shown(command: Command, data: object, text: string): string {
  const { json } = command.optsWithGlobals<{ json?: boolean }>()
  return `${printable(json === true ? JSON.stringify(data) : text)}\n`
}
