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
