import { hasClosePrimes } from './close-primes.ts'

/** RSA keys outside these bounds are refused: below, they break; above, one verification costs too much. */
export const RSA_MODULUS_BITS = Object.freeze({ min: 2048, max: 8192 })

const LARGEST_EXPONENT = 2n ** 32n

/** What makes an RSA public key unfit, or `undefined` when nothing does. Takes big-endian bytes. */
export function rsaWeakness(modulus: Uint8Array, exponent: Uint8Array): string | undefined {
  if (modulus[0] === 0 || exponent[0] === 0) return 'expected n and e without leading zeros'
  const n = toBigInt(modulus)
  const e = toBigInt(exponent)
  const bits = n.toString(2).length
  if (bits < RSA_MODULUS_BITS.min || bits > RSA_MODULUS_BITS.max) {
    return `expected a modulus of ${RSA_MODULUS_BITS.min} to ${RSA_MODULUS_BITS.max} bits`
  }
  if (n % 2n === 0n) return 'expected an odd modulus'
  if (e <= 1n || e % 2n === 0n || e > LARGEST_EXPONENT) return 'expected an odd exponent greater than 1'
  if (hasRocaFingerprint(n)) return 'expected a modulus without the ROCA fingerprint (CVE-2017-15361)'
  if (hasClosePrimes(n)) return 'expected primes that are not close to each other (CVE-2022-26320)'
  return undefined
}

/** What makes an Ed25519 public key unfit: a y that is not reduced or of no point, or a point of small order. */
export function ed25519Weakness(publicKey: Uint8Array): string | undefined {
  if (publicKey.length !== 32) return 'expected 32 bytes of x'
  const littleEndian = Uint8Array.from(publicKey).reverse()
  const y = toBigInt(littleEndian) % 2n ** 255n
  if (y >= ED25519_PRIME) return 'expected x in its canonical encoding'
  if (SMALL_ORDER_Y.has(y)) return 'expected a point of large order'
  if (!isOnEdwards25519(y)) return 'expected a point of the curve'
  return undefined
}

const ED25519_PRIME = 2n ** 255n - 19n
const ORDER_8_Y = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n
/** y of every point whose order divides 8. */
const SMALL_ORDER_Y: ReadonlySet<bigint> = new Set([
  0n,
  1n,
  ED25519_PRIME - 1n,
  ORDER_8_Y,
  ED25519_PRIME - ORDER_8_Y,
])

const EDWARDS_D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n

/**
 * Some x has x^2 = (y^2 - 1) / (d y^2 + 1), by Euler's criterion on numerator times denominator (RFC 8032, section 5.1.3).
 * OpenSSL takes such a key without a word, and then no signature holds under it.
 */
function isOnEdwards25519(y: bigint): boolean {
  const square = (y * y) % ED25519_PRIME
  const ratio = ((square - 1n) * (EDWARDS_D * square + 1n)) % ED25519_PRIME
  return power(ratio, (ED25519_PRIME - 1n) / 2n, ED25519_PRIME) === 1n
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n
  for (let square = base, rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest % 2n === 1n) result = (result * square) % modulus
    square = (square * square) % modulus
  }
  return result
}

/** Infineon's generator made primes that are powers of 65537 modulo each of these small primes. */
const ROCA_PRIMES = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157] as const
const ROCA_RESIDUES = ROCA_PRIMES.map((prime) => [BigInt(prime), powersOf65537(prime)] as const)

function hasRocaFingerprint(modulus: bigint): boolean {
  return ROCA_RESIDUES.every(([prime, residues]) => residues.has(Number(modulus % prime)))
}

function powersOf65537(prime: number): ReadonlySet<number> {
  const powers = new Set<number>()
  for (let power = 1; !powers.has(power); power = (power * 65537) % prime) powers.add(power)
  return powers
}

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`)
}
