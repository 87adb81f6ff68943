import { sign as signBytes, verify as verifyBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ALGORITHMS } from './algorithms.ts'
import { ecdsaCodec } from './ecdsa-signature.ts'
import { SIGNERS } from './issuer.fixture.ts'

const CURVES = [
  ['ES256', 32],
  ['ES384', 48],
  ['ES512', 66],
] as const
const BYTES = Buffer.from('signed')
const SIGNATURES = 300

/** Any tag and content, with a length of one byte. */
const tlv = (tag: number, content: Uint8Array) => Buffer.from([tag, content.length, ...content])
const integer = (...content: number[]) => tlv(2, Buffer.from(content))
const sequence = (...parts: Uint8Array[]) => tlv(0x30, Buffer.concat(parts))
const hex = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString('hex')

describe('an ECDSA signature in its two forms (R2, R42)', () => {
  it.each(CURVES)('of %s is the one that node:crypto writes, both ways', (name, coordinateBytes) => {
    const codec = ecdsaCodec(coordinateBytes)
    const { digest } = ALGORITHMS[name]
    const { privateKey, key } = SIGNERS[name]
    const publicKey = 'key' in key.cryptoKey ? key.cryptoKey.key : key.cryptoKey
    const p1363 = { dsaEncoding: 'ieee-p1363' } as const
    for (let i = 0; i < SIGNATURES; i++) {
      const der = signBytes(digest, BYTES, privateKey)
      const fromDer = codec.fromNative(der) ?? Buffer.alloc(0)
      expect(verifyBytes(digest, BYTES, { key: publicKey, ...p1363 }, fromDer)).toBe(true)
      expect(hex(codec.toNative(fromDer))).toBe(hex(der))
      const signature = signBytes(digest, BYTES, { key: privateKey, ...p1363 })
      expect(verifyBytes(digest, BYTES, publicKey, codec.toNative(signature))).toBe(true)
    }
  })

  it.each(CURVES)('of %s goes over and comes back, whatever its bytes', (_, coordinateBytes) => {
    const codec = ecdsaCodec(coordinateBytes)
    const extremes = fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)
    const coordinate = fc
      .tuple(
        fc.nat(coordinateBytes),
        fc.array(fc.oneof(extremes, fc.nat(255)), { minLength: coordinateBytes }),
      )
      .map(([zeros, bytes]) => [...new Array<number>(zeros).fill(0), ...bytes].slice(0, coordinateBytes))
    fc.assert(
      fc.property(coordinate, coordinate, (r, s) => {
        const signature = Buffer.from([...r, ...s])
        const der = codec.toNative(signature)
        return hex(codec.fromNative(der)) === hex(signature)
      }),
    )
  })

  it.each(CURVES)('of %s is in DER no more than once', (_, coordinateBytes) => {
    const codec = ecdsaCodec(coordinateBytes)
    const der = Buffer.from(codec.toNative(Buffer.alloc(2 * coordinateBytes, 0x81)))
    const mutation = fc.oneof(
      fc.tuple(fc.nat(der.length - 1), fc.nat(255)).map(([at, byte]) => der.with(at, byte)),
      fc.nat(der.length).map((length) => der.subarray(0, length)),
      fc
        .tuple(fc.nat(der.length), fc.nat(255))
        .map(([at, byte]) => Buffer.from([...der.subarray(0, at), byte, ...der.subarray(at)])),
    )
    fc.assert(
      fc.property(mutation, (mutated) => {
        const read = codec.fromNative(mutated)
        return read === undefined || hex(codec.toNative(read)) === hex(mutated)
      }),
      { numRuns: 3000 },
    )
  })

  const ONE = integer(1)
  it.each([
    ['nothing', Buffer.alloc(0)],
    ['a tag alone', Buffer.from([0x30])],
    ['an empty sequence', sequence()],
    ['a set', tlv(0x31, Buffer.concat([ONE, ONE]))],
    ['one integer', sequence(ONE)],
    ['three integers', sequence(ONE, ONE, ONE)],
    ['something after the sequence', Buffer.concat([sequence(ONE, ONE), Buffer.alloc(1)])],
    ['something after the integers', sequence(ONE, ONE, Buffer.alloc(1))],
    ['a sequence that is cut off', sequence(ONE, ONE).subarray(0, -1)],
    ['an integer that ends after the sequence', sequence(ONE, Buffer.from([2, 2, 1]))],
    ['an integer without a length', sequence(ONE, Buffer.from([2]))],
    ['an empty integer', sequence(integer(), ONE)],
    ['a negative integer', sequence(ONE, integer(0x80))],
    ['a zero in front for nothing', sequence(integer(0, 1), ONE)],
    ['two zeros', sequence(ONE, integer(0, 0))],
    ['an octet string', sequence(tlv(4, Buffer.from([1])), ONE)],
    ['an integer longer than a coordinate', sequence(integer(...new Array<number>(33).fill(1)), ONE)],
    ['a long length for a short sequence', Buffer.from([0x30, 0x81, 6, ...ONE, ...ONE])],
    ['a length of two bytes', Buffer.from([0x30, 0x82, 0, 6, ...ONE, ...ONE])],
    ['an indefinite length', Buffer.from([0x30, 0x80, ...ONE, ...ONE, 0, 0])],
    ['a long length for an integer', sequence(Buffer.from([2, 0x81, 1, 1]), ONE)],
    ['r||s', Buffer.alloc(64, 1)],
  ])('is not read out of %s', (_, bytes) => expect(ecdsaCodec(32).fromNative(bytes)).toBeUndefined())

  it('of a length beyond 127 bytes says so in one byte more, and not otherwise', () => {
    const whole = ecdsaCodec(66).toNative(Buffer.alloc(132, 1))
    expect(hex(whole.subarray(0, 3))).toBe('308188')
    const short = Buffer.from([0x30, 0x88, ...whole.subarray(3)])
    expect(ecdsaCodec(66).fromNative(short)).toBeUndefined()
  })

  it('of 127 bytes is the longest that says so in one, both ways', () => {
    const numbers = [Buffer.alloc(61, 1), Buffer.alloc(62, 1)]
    const signature = Buffer.concat(
      numbers.map((number) => Buffer.concat([Buffer.alloc(66 - number.length), number])),
    )
    const der = sequence(...numbers.map((number) => tlv(2, number)))
    expect(der[1]).toBe(127)
    expect(hex(ecdsaCodec(66).fromNative(der))).toBe(hex(signature))
    expect(hex(ecdsaCodec(66).toNative(signature))).toBe(hex(der))
  })

  it('of zeros has the zeros in DER too, for node:crypto to refuse', () => {
    expect(hex(ecdsaCodec(32).toNative(Buffer.alloc(64)))).toBe('3006020100020100')
  })
})
