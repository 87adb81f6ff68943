const FIRST_MS = 1000
const LONGEST_MS = 300_000

/**
 * How long to wait before trying again, in milliseconds: doubles at each failure, from a second up to five minutes, less up to
 * half of it at random, so that many who failed together do not try together.
 *
 * @param earlier failures in a row before the last one
 * @param random 0 to 1
 */
export function backOffMs(earlier: number, random: number): number {
  const wholeMs = Math.min(FIRST_MS * 2 ** earlier, LONGEST_MS)
  return Math.max(FIRST_MS, wholeMs * (1 - random / 2))
}
