/** The middle of some numbers; of an even count, the upper one of the two. */
export function median(numbers: readonly number[]): number {
  return percentile(numbers, 50)
}

/** The number that so many percent of the others are not above. */
export function percentile(numbers: readonly number[], percent: number): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN
}

/**
 * How many times as much as the other, by the median of the rounds: both of a round were measured one right after the other,
 * so that a machine that slows down for a while slows down both.
 */
export function pairedRatio(ours: readonly number[], theirs: readonly number[]): number {
  return median(ours.map((value, round) => value / (theirs[round] ?? Number.NaN)))
}
