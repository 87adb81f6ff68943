import { KeyturnError } from './errors.ts'

/** How many letters a name may be off to be taken for a misspelling of another. */
const LONGEST_DISTANCE = 2

/** The known name that a name is meant to be, most likely. */
export function meantName(name: string, known: readonly string[]): string | undefined {
  const distanceTo = (candidate: string) => editDistance(name.toLowerCase(), candidate.toLowerCase())
  const [nearest] = known
    .map((candidate) => ({ candidate, distance: distanceTo(candidate) }))
    .filter(({ distance }) => distance <= LONGEST_DISTANCE)
    .sort((a, b) => a.distance - b.distance)
  return nearest?.candidate
}

/**
 * Refuses a member that means nothing: a misspelt one must not pass for its default.
 *
 * @param kind - What such a member is: "no option of …".
 * @throws {KeyturnError} of the code that is given
 */
export function assertNames(given: object, known: readonly string[], code: string, kind: string): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name))
  if (unknown === undefined) return
  const meant = meantName(unknown, known)
  throw new KeyturnError(code, `${JSON.stringify(unknown.slice(0, 64))} is ${kind}`, {
    remedy: meant === undefined ? 'leave it out' : `did you mean ${meant}?`,
  })
}

/** How many letters to put in, take out or change (Levenshtein's distance). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (const [index, letter] of [...from].entries()) {
    const above = row
    row = [index + 1]
    for (let column = 1; column <= to.length; column++) {
      const isSame = letter === to[column - 1]
      const [diagonal = 0, up = 0, left = 0] = [above[column - 1], above[column], row[column - 1]]
      row.push(Math.min(diagonal + (isSame ? 0 : 1), up + 1, left + 1))
    }
  }
  return row.at(-1) ?? 0
}
