/** Each step reaches a little further; a hundred of them take less than importing the key does. */
const STEPS = 100
/** Squares end in one of these residues only: two small tests leave one number in thirty to take a root of. */
const SQUARES_MOD_64 = residuesOfSquares(64)
const SQUARES_MOD_315 = residuesOfSquares(315)

/**
 * Says whether a modulus is found to be a product of two primes that are close to each other, by Fermat's method: its square root is
 * almost the middle of both, and what the square of that middle has too much is a square (CVE-2022-26320). Takes an odd number.
 */
export function hasClosePrimes(modulus: bigint): boolean {
  const root = integerRoot(modulus)
  let middle = root * root === modulus ? root : root + 1n
  let excess = middle * middle - modulus
  for (let step = 0; step < STEPS; step++) {
    if (isSquare(excess)) return true
    excess += 2n * middle + 1n
    middle += 1n
  }
  return false
}

function isSquare(value: bigint): boolean {
  if (!SQUARES_MOD_64.has(Number(BigInt.asUintN(6, value)))) return false
  if (!SQUARES_MOD_315.has(Number(value % 315n))) return false
  const root = integerRoot(value)
  return root * root === value
}

/** The largest whole number whose square is no larger: of half the digits first, and then one step of Newton's. */
function integerRoot(value: bigint): bigint {
  if (value < 2n ** 50n) return BigInt(Math.floor(Math.sqrt(Number(value))))
  const shift = BigInt(value.toString(16).length)
  const near = integerRoot(value >> (2n * shift)) << shift
  let root = (near + value / near) >> 1n
  while (root * root > value) root -= 1n
  return root
}

function residuesOfSquares(modulus: number): ReadonlySet<number> {
  return new Set(Array.from({ length: modulus }, (_, i) => (i * i) % modulus))
}
