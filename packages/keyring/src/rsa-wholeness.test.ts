import {
  checkPrimeSync,
  createPrivateKey,
  generateKeyPairSync,
  generatePrimeSync,
  type JsonWebKey,
} from 'node:crypto'
import { codeOf } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import { readKeyPair } from './key-document.ts'
import { isWholeRsaKey } from './rsa-wholeness.ts'

type Member = 'n' | 'e' | 'd' | 'p' | 'q' | 'dp' | 'dq' | 'qi'
const MEMBERS: readonly Member[] = ['n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi']
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const jwk = privateKey.export({ format: 'jwk' }) as JsonWebKey & Record<Member, string>
const good = Object.fromEntries(
  MEMBERS.map((name) => [name, BigInt(`0x${Buffer.from(jwk[name], 'base64url').toString('hex')}`)]),
) as Record<Member, bigint>
const { n, d, p, q, dp, dq, qi } = good
const phi = (p - 1n) * (q - 1n)

const bytesOf = (value: bigint) => {
  const hex = value.toString(16)
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
}
const withLength = (tag: number, body: Buffer) => {
  const length = bytesOf(BigInt(body.length))
  const head = body.length < 128 ? length : Buffer.concat([Buffer.from([0x80 | length.length]), length])
  return Buffer.concat([Buffer.from([tag]), head, body])
}
const integer = (value: bigint) => {
  const bytes = bytesOf(value)
  return withLength(2, (bytes[0] ?? 0) < 128 ? bytes : Buffer.concat([Buffer.alloc(1), bytes]))
}
/** PKCS #1 (RFC 8017, appendix A.1.2), whatever its members. */
const pemOf = (change: Partial<typeof good>) => {
  const all = { ...good, ...change }
  const der = withLength(0x30, Buffer.concat([0n, ...MEMBERS.map((name) => all[name])].map(integer)))
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN RSA PRIVATE KEY-----', ...lines, '-----END RSA PRIVATE KEY-----', ''].join('\n')
}
const jwkOf = (change: Partial<typeof good>) =>
  JSON.stringify({
    ...jwk,
    ...Object.fromEntries(
      Object.entries(change).map(([name, value]) => [name, bytesOf(value).toString('base64url')]),
    ),
  })

const BROKEN: readonly (readonly [string, Partial<typeof good>])[] = [
  ['a d of 0', { d: 0n }],
  ['a d of 1', { d: 1n }],
  ['a d of another key', { d: d + 2n }],
  ['a d that is longer than it need be', { d: d + phi * (1n << 30_000n) }],
  ['primes of another key', { p: p + 2n, q: q + 2n }],
  ['a prime that is even', { p: p + 1n }],
  ['1 for a prime', { p: 1n, q: n }],
  ['n for a prime', { p: n, q: 1n }],
  ['no primes', { p: 0n, q: 0n, dp: 0n, dq: 0n, qi: 0n }],
  ['primes changed about', { p: q, q: p }],
  ['exponents of 0', { dp: 0n, dq: 0n }],
  ['a dp of another key', { dp: dp + 2n }],
  ['a dq of another key', { dq: dq + 2n }],
  ['a dp that is longer than it need be', { dp: dp + (p - 1n) * (1n << 30_000n) }],
  ['a coefficient of 0', { qi: 0n }],
  ['a coefficient of another key', { qi: qi + 1n }],
  ['a coefficient that is longer than it need be', { qi: qi + p }],
]

describe('an RSA key that is whole (R12, R13)', () => {
  it('is one whose members belong together, in whatever order its primes come', async () => {
    expect(isWholeRsaKey(privateKey)).toBe(true)
    const reversed = { p: q, q: p, dp: dq, dq: dp, qi: inverse(p, q) }
    for (const text of [pemOf({}), jwkOf({}), pemOf(reversed)]) {
      expect(await codeOf(readKeyPair(Buffer.from(text), { algorithm: 'RS256' }))).toBe('none')
    }
  })

  it('has a d below n, be it the least or not', () => {
    expect(isWholeRsaKey(createPrivateKey(pemOf({ d: d % (phi / 2n) })))).toBe(true)
  })

  it.each(BROKEN)('has not %s, be it in PEM or a JWK', async (_, change) => {
    for (const text of [pemOf(change), jwkOf(change)]) {
      const code = await codeOf(readKeyPair(Buffer.from(text), { algorithm: 'RS256' }))
      expect(['key_self_test_failed', 'key_malformed']).toContain(code)
    }
  })
})

describe('the primes of an RSA key (R13)', () => {
  const primeOf = (bits: number) => generatePrimeSync(bits, { bigint: true })
  const nextPrime = (after: bigint) => {
    let next = after + 2n
    while (!checkPrimeSync(bytesOf(next))) next += 2n
    return next
  }
  const near = nextPrime(p)
  const [short, long] = [primeOf(120), primeOf(1928)]

  it.each([
    ['close to each other', near, p],
    ['as short as this', long, short],
    ['as short as this, be it the first', short, long],
  ])('are not %s', async (_, one, other) => {
    const text = pemOf(keyOf(one, other))
    expect(await codeOf(readKeyPair(Buffer.from(text), { algorithm: 'RS256' }))).toBe('key_weak')
  })

  it('may differ in length by a little', async () => {
    const text = pemOf(keyOf(primeOf(1060), primeOf(988)))
    expect(await codeOf(readKeyPair(Buffer.from(text), { algorithm: 'RS256' }))).toBe('none')
  })
})

/** All members that two primes make with the exponent of the good key. */
function keyOf(one: bigint, other: bigint): typeof good {
  const { e } = good
  const order = (one - 1n) * (other - 1n)
  // e is prime: d = (1 + k * order) / e for the k that makes it whole
  const k = ((e - 1n) * inverse(order % e, e)) % e
  const own = (1n + k * order) / e
  return {
    ...{ n: one * other, e, d: own, p: one, q: other },
    ...{ dp: own % (one - 1n), dq: own % (other - 1n), qi: inverse(other, one) },
  }
}

/** By Fermat: the modulus is prime. */
function inverse(value: bigint, prime: bigint): bigint {
  let result = 1n
  let square = value % prime
  for (let rest = prime - 2n; rest > 0n; rest >>= 1n) {
    if (rest % 2n === 1n) result = (result * square) % prime
    square = (square * square) % prime
  }
  return result
}
