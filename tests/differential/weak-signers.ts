import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  generatePrimeSync,
  type KeyObject,
} from 'node:crypto'
import { encodeBase64url } from '@keyturn/core'
import { publishedOf, type Signer, signerOf } from './signers.ts'

/** SHA-256 as a DigestInfo (RFC 8017, section 9.2, note 1). */
const DIGEST_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex')
const PRIMES = [11n, 13n, 17n, 19n, 37n, 53n, 61n, 71n, 73n, 79n, 97n, 103n, 107n, 109n, 127n, 151n, 157n]
const EXPONENT = 65537n

/** Keys that nobody should sign with, nor trust: too short, of Infineon's generator (CVE-2017-15361), and without a secret. */
export const WEAK_SIGNERS: readonly Signer[] = [
  signerOf('RS256', generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey),
  signerOf('RS256', keyWithRocaFingerprint()),
  signerWithoutSecret(),
]

/** Both primes are 1 modulo each small prime, so the modulus is as well, which is a power of 65537. */
function keyWithRocaFingerprint(): KeyObject {
  const add = PRIMES.reduce((product, prime) => product * prime, 2n)
  const prime = () => generatePrimeSync(1024, { add, rem: 1n, bigint: true })
  let [p, q] = [prime(), prime()]
  // of two primes of 1024 bits the product may have one bit less
  while ((p * q).toString(2).length < 2048) [p, q] = [prime(), prime()]
  const d = inverse(EXPONENT, (p - 1n) * (q - 1n))
  const members = { n: p * q, e: EXPONENT, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) }
  const jwk = Object.fromEntries(Object.entries(members).map(([name, value]) => [name, encodeNumber(value)]))
  return createPrivateKey({ key: { kty: 'RSA', ...jwk }, format: 'jwk' })
}

/** With e = 1 a signature is its own padded digest: whoever reads the key set can sign. */
function signerWithoutSecret(): Signer {
  const { n = '' } = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' })
  const sign = (bytes: Uint8Array) => {
    const digest = Buffer.concat([DIGEST_INFO, createHash('sha256').update(bytes).digest()])
    const start = Buffer.alloc(256 - 1 - digest.length, 0xff)
    start.set([0, 1])
    return Buffer.concat([start, Buffer.alloc(1), digest])
  }
  return { alg: 'RS256', jwk: publishedOf('RS256', { kty: 'RSA', n, e: 'AQ' }), sign }
}

function encodeNumber(value: bigint): string {
  const hex = value.toString(16)
  return encodeBase64url(Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex'))
}

function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [value % modulus, modulus, 1n, 0n]
  while (b > 0n) {
    const quotient = a / b
    ;[a, b] = [b, a % b]
    ;[x, y] = [y, x - quotient * y]
  }
  return ((x % modulus) + modulus) % modulus
}
