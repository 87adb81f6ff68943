import type { KeyObject } from 'node:crypto'

/**
 * Says whether the members of an RSA private key belong together (RFC 8017, section 3.2). OpenSSL signs with whichever of them
 * it has, so that a signature that holds proves the others nothing; another runtime may go by those.
 *
 * The arithmetic takes longer for some keys than for others: it is for keys that are made or come in, one at a time.
 */
export function isWholeRsaKey(privateKey: KeyObject): boolean {
  const jwk = privateKey.export({ format: 'jwk' })
  const [n, e, d, p, q] = [
    numberOf(jwk.n),
    numberOf(jwk.e),
    numberOf(jwk.d),
    numberOf(jwk.p),
    numberOf(jwk.q),
  ]
  const [dp, dq, qi] = [numberOf(jwk.dp), numberOf(jwk.dq), numberOf(jwk.qi)]
  if (p <= 1n || q <= 1n || p * q !== n) return false
  const isExponent = d < n && (e * d) % (p - 1n) === 1n && (e * d) % (q - 1n) === 1n
  return isExponent && dp === d % (p - 1n) && dq === d % (q - 1n) && qi < p && (qi * q) % p === 1n
}

/** By so many bits less than half the modulus may a prime, or the difference of both, be shorter (FIPS 186-5, appendix A.1.1). */
const SLACK_BITS = 100n

/** What makes its primes easy to find, as the modulus alone cannot tell; `undefined` when nothing does. */
export function weaknessOfPrimes(privateKey: KeyObject): string | undefined {
  const jwk = privateKey.export({ format: 'jwk' })
  const [n, p, q] = [numberOf(jwk.n), numberOf(jwk.p), numberOf(jwk.q)]
  const bound = 2n ** (BigInt(n.toString(2).length) / 2n - SLACK_BITS)
  if (p < bound || q < bound) return 'expected primes of about the same length'
  // by Fermat's method each is found from the square root of n
  return (p > q ? p - q : q - p) < bound ? 'expected primes that are not close to each other' : undefined
}

/** 0 for a member that is missing. */
function numberOf(member = ''): bigint {
  return BigInt(`0x${Buffer.from(member, 'base64url').toString('hex') || '0'}`)
}
