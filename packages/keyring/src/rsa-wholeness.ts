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

/** 0 for a member that is missing. */
function numberOf(member = ''): bigint {
  return BigInt(`0x${Buffer.from(member, 'base64url').toString('hex') || '0'}`)
}
