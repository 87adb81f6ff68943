import type { Command } from 'commander'

/** Data goes to stdout: as JSON when `--json` was given, else as text for people. */
export function print(command: Command, data: object, text: string): void {
  const { json } = command.optsWithGlobals<{ json?: boolean }>()
  process.stdout.write(json === true ? `${JSON.stringify(data)}\n` : `${text}\n`)
}

/** Talk goes to stderr. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`)
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

/** Milliseconds as RFC 3339; `null` stays null. */
export function rfc3339(ms: number): string
export function rfc3339(ms: number | null): string | null
export function rfc3339(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}
