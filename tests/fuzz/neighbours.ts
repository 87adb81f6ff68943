const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
/** What a lenient decoder takes or leaves out, and what is no ASCII: of two bytes, of three, and half a character. */
const FOREIGN = ['.', '=', '+', '/', ' ', '\n', '\0', 'é', 'Ł', '\ufeff', '\ud800']
const INSERTED = [...ALPHABET, ...FOREIGN]
/** So near to the end of a part everything is tried: there a decoder leaves bits out. */
const NEAR = 4

/**
 * The texts that are one step away from a token: a character put in or left out, cut before it or after, each of its bits flipped,
 * and each of the six that it stands for. All of them; or one of so many, and all at the end of each part.
 */
export function* neighboursOf(token: string, oneOf = 1): Generator<string> {
  let count = 0
  for (let at = 0; at <= token.length; at++) {
    const isNearEnd = at + NEAR > token.length || token.slice(at, at + NEAR).includes('.')
    for (const neighbour of neighboursAt(token, at)) {
      if (isNearEnd || count++ % oneOf === 0) yield neighbour
    }
  }
}

function* neighboursAt(token: string, at: number): Generator<string> {
  const [before, here, after] = [token.slice(0, at), token.charAt(at), token.slice(at + 1)]
  for (const inserted of INSERTED) yield before + inserted + here + after
  if (here === '') return
  yield before
  yield after
  yield before + after
  for (const flipped of flipsOf(here)) yield before + flipped + after
}

function flipsOf(character: string): string[] {
  const code = character.charCodeAt(0)
  const flips = [1, 2, 4, 8, 16, 32, 64, 128].map((bit) => String.fromCharCode(code ^ bit))
  const index = ALPHABET.indexOf(character)
  if (index === -1) return flips
  return [...flips, ...[1, 2, 4, 8, 16, 32].map((bit) => ALPHABET.charAt(index ^ bit))]
}
