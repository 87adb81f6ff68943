import { fstatSync, statSync, writeFileSync } from 'node:fs'
import { devNull } from 'node:os'
import { errnoOf, KeyturnError } from '@keyturn/core'
import type { Command } from 'commander'

/** What neither shows as itself nor begins a line: controls, marks of direction, spaces of no width, halves of characters. */
const UNPRINTABLE = /[^\P{C}\n]|[\u2028\u2029]/gu

/** Writes what a terminal would obey, or not show, as the escapes that JSON has for it; JSON stays the same JSON. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) =>
    Array.from(
      { length: character.length },
      (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
    ).join(''),
  )
}

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
