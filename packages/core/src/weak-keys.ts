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
  return undefined
}

/** What makes an Ed25519 public key unfit: a y that is not reduced, or a point of small order. */
export function ed25519Weakness(publicKey: Uint8Array): string | undefined {
  if (publicKey.length !== 32) return 'expected 32 bytes of x'
  const littleEndian = Uint8Array.from(publicKey).reverse()
  const y = toBigInt(littleEndian) % 2n ** 255n
  if (y >= ED25519_PRIME) return 'expected x in its canonical encoding'
  if (SMALL_ORDER_Y.has(y)) return 'expected a point of large order'
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
