import { checkPrimeSync, generateKeyPairSync, generatePrimeSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { ed25519Weakness, rsaWeakness } from './weak-keys.ts'

const F4 = Uint8Array.of(1, 0, 1)
const P = 2n ** 255n - 19n
const { n = '' } = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' })
const good = Buffer.from(n, 'base64url')
const ROCA_PRIMES = [
  11n,
  13n,
  17n,
  19n,
  37n,
  53n,
  61n,
  71n,
  73n,
  79n,
  97n,
  103n,
  107n,
  109n,
  127n,
  151n,
  157n,
]

const bigEndian = (value: bigint) => {
  const hex = value.toString(16)
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex')
}
const littleEndian = (value: bigint) => Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse()

describe('RSA keys that must not be used (R42)', () => {
  it('passes a key that OpenSSL made', () => {
    expect(rsaWeakness(good, F4)).toBeUndefined()
    expect(rsaWeakness(good, Uint8Array.of(3))).toBeUndefined()
  })

  it.each([
    ['2047 bits', 2n ** 2046n + 1n],
    ['1024 bits', 2n ** 1023n + 1n],
    ['8193 bits', 2n ** 8192n + 1n],
    ['one bit', 1n],
  ])('refuses a modulus of %s', (_, modulus) => {
    expect(rsaWeakness(bigEndian(modulus), F4)).toContain('2048 to 8192 bits')
  })

  it.each([2048n, 2049n, 8192n])('passes a modulus of %d bits', (bits) => {
    expect(rsaWeakness(bigEndian(2n ** (bits - 1n) + 1n), F4)).toBeUndefined()
  })

  /** The first prime from a number on. */
  const primeFrom = (from: bigint) => {
    let prime = from | 1n
    while (!checkPrimeSync(prime)) prime += 2n
    return prime
  }
  const prime = generatePrimeSync(1024, { bigint: true })
  // as generators make them that look for both from one start, or that know few random bits
  it.each([
    ['the next prime', primeFrom(prime + 2n)],
    ['2^64 further', primeFrom(prime + 2n ** 64n)],
    ['half of its bits the same', primeFrom(prime + 2n ** 512n)],
    ['the same prime', prime],
  ])('refuses a modulus whose primes are close: %s', (_, other) => {
    expect(rsaWeakness(bigEndian(prime * other), F4)).toContain('not close to each other')
  })

  it('finds close primes of a modulus of 4096 bits, too', () => {
    // whether they are primes is all the same to the method
    const large = 2n ** 2047n + 2n ** 2046n + prime
    expect(rsaWeakness(bigEndian(large * (large + 2n ** 1000n)), F4)).toContain('not close')
  })

  it('passes primes that this method does not find soon', () => {
    expect(rsaWeakness(bigEndian(prime * primeFrom(prime - 2n ** 1000n)), F4)).toBeUndefined()
  })

  it('refuses an even modulus', () => {
    expect(rsaWeakness(bigEndian(2n ** 2047n + 2n), F4)).toContain('odd modulus')
  })

  it.each([
    ['nothing', ''],
    ['one', '01'],
    ['two', '02'],
    ['65536', '010000'],
    ['2^32', '0100000000'],
    ['2^32 + 1', '0100000001'],
    ['as long as the modulus', 'ff'.repeat(256)],
  ])('refuses an exponent of %s', (_, hex) => {
    expect(rsaWeakness(good, Buffer.from(hex, 'hex'))).toContain('odd exponent')
  })

  it('passes the largest exponent of 32 bits', () => {
    expect(rsaWeakness(good, Buffer.from('ffffffff', 'hex'))).toBeUndefined()
  })

  it('refuses leading zeros: one key, one spelling, one thumbprint', () => {
    expect(rsaWeakness(Buffer.concat([Buffer.alloc(1), good]), F4)).toContain('leading zeros')
    expect(rsaWeakness(good, Uint8Array.of(0, 1, 0, 1))).toContain('leading zeros')
  })

  it('refuses a modulus with the ROCA fingerprint, and passes its neighbours', () => {
    const product = ROCA_PRIMES.reduce((all, prime) => all * prime, 2n)
    const multiple = (2n ** 2047n / product + 1n) * product
    for (let power = 0n, residue = 1n; power < 5n; power++, residue = (residue * 65537n) % product) {
      expect(rsaWeakness(bigEndian(multiple + residue), F4)).toContain('ROCA')
    }
    expect(rsaWeakness(bigEndian(multiple + 3n), F4)).toBeUndefined()
  })
})

describe('Ed25519 keys that must not be used (R42)', () => {
  it('passes keys that OpenSSL made', () => {
    for (let i = 0; i < 20; i++) {
      const { x = '' } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
      expect(ed25519Weakness(Buffer.from(x, 'base64url'))).toBeUndefined()
    }
  })

  it.each([0, 31, 33, 64])('refuses %d bytes', (length) => {
    expect(ed25519Weakness(new Uint8Array(length).fill(3))).toContain('32 bytes')
  })

  const ORDER_8 = '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'
  it.each([
    ['order 1', '01'.padEnd(64, '0')],
    ['order 1 with a sign', `${'01'.padEnd(62, '0')}80`],
    ['order 2', `ec${'ff'.repeat(30)}7f`],
    ['order 4', '00'.repeat(32)],
    ['order 4 with a sign', `${'00'.repeat(31)}80`],
    ['order 8', ORDER_8],
    ['order 8 with a sign', `${ORDER_8.slice(0, 62)}85`],
    ['the other order 8', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'],
  ])('refuses a point of %s', (_, hex) => {
    expect(ed25519Weakness(Buffer.from(hex, 'hex'))).toContain('large order')
  })

  it.each([
    ['p', P],
    ['p + 1', P + 1n],
    ['p + 3, a second spelling of y = 3', P + 3n],
    ['2^255 - 1', 2n ** 255n - 1n],
  ])('refuses a y that is not reduced: %s', (_, y) => {
    expect(ed25519Weakness(littleEndian(y))).toContain('canonical')
  })

  it.each([2n, 7n, 8n, 11n])('refuses a y of no point: %d', (y) => {
    expect(ed25519Weakness(littleEndian(y))).toContain('point of the curve')
  })

  it.each([3n, 4n, 5n, 6n, 9n, 10n])('passes a y of a point: %d', (y) => {
    expect(ed25519Weakness(littleEndian(y))).toBeUndefined()
  })
})
