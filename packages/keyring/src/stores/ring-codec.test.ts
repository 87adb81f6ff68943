import { type AlgorithmName, availableAlgorithms, parseJwk, verifySignature } from '@keyturn/core'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createRing } from '../changes.ts'
import { generateSigningPair, localSigningKey, publishedJwk } from '../key-pair.ts'
import type { KeyRing } from '../ring.ts'
import { DEFAULT_POLICY } from '../timing.ts'
import { decodeRing, encodeRing, RingMalformed } from './ring-codec.ts'

const BYTES = Buffer.from('signed')
const NOW = 1_800_000_000_000

/** One for each algorithm: RSA keys take their time. */
const rings = new Map<AlgorithmName, KeyRing>()
for (const algorithm of availableAlgorithms()) {
  const policy = { ...DEFAULT_POLICY, algorithm }
  const [first, spare] = await Promise.all([generateSigningPair(policy), generateSigningPair(policy)])
  rings.set(algorithm, createRing('ring', { first, spare }, policy, NOW))
}
const ringOf = (algorithm: AlgorithmName) => rings.get(algorithm) ?? expect.fail(`no ring of ${algorithm}`)

afterEach(() => {
  vi.doUnmock('node:crypto')
  vi.resetModules()
})

describe('a ring in writing (R2, R12, R16)', () => {
  it.each(availableAlgorithms())('keeps %s keys, and they sign as before', async (algorithm) => {
    const ring = ringOf(algorithm)
    const read = decodeRing(Buffer.from(encodeRing(ring)))
    const plain = (it: typeof ring) => ({ ...it, keys: it.keys.map((key) => ({ ...key, privateKey: null })) })
    expect(plain(read)).toEqual(plain(ring))
    for (const key of read.keys) {
      if (key.privateKey === null) expect.fail('the private half is gone')
      const signature = await localSigningKey({ ...key, privateKey: key.privateKey }).sign(BYTES)
      expect(verifySignature(parseJwk(publishedJwk(key)), BYTES, signature)).toBe(true)
    }
  })

  it.each(availableAlgorithms())(
    'keeps private halves of %s as PKCS #8 and in no other form',
    (algorithm) => {
      const ring = ringOf(algorithm)
      const text = encodeRing(ring)
      const stored = JSON.parse(text).keys.map((key: { privateKey: string }) => key.privateKey)
      expect(stored).toEqual(
        ring.keys.map((key) =>
          key.privateKey?.export({ type: 'pkcs8', format: 'der' }).toString('base64url'),
        ),
      )
      for (const member of ['"d"', '"p"', '"q"', '"priv"']) expect(text).not.toContain(member)
    },
  )

  it.each(availableAlgorithms())(
    'is refused when a private half of %s belongs to another kid',
    (algorithm) => {
      const ring = ringOf(algorithm)
      const halves = ring.keys.map(({ privateKey }) => privateKey).reverse()
      const keys = ring.keys.map((key, index) => ({ ...key, privateKey: halves[index] ?? null }))
      expect(() => decodeRing(Buffer.from(encodeRing({ ...ring, keys })))).toThrow(RingMalformed)
    },
  )

  it.each(['ES256', 'RS256', 'none', 'HS256'])(
    'is refused when a key is stored under %s, which it is not for',
    (alg) => {
      const text = encodeRing(ringOf('EdDSA')).replaceAll('"EdDSA"', `"${alg}"`)
      expect(() => decodeRing(Buffer.from(text))).toThrow(RingMalformed)
    },
  )

  it('is not called corrupt where the runtime lacks the algorithm of a key', async () => {
    const text = encodeRing(ringOf('EdDSA')).replaceAll('"EdDSA"', '"ML-DSA-65"')
    vi.resetModules()
    vi.doMock('node:crypto', async (original) => ({
      ...(await original<typeof import('node:crypto')>()),
      createPublicKey() {
        throw new TypeError('no such kty')
      },
    }))
    const old = await import('./ring-codec.ts')
    expect(() => old.decodeRing(Buffer.from(text))).toThrow(
      expect.objectContaining({ code: 'algorithm_unavailable', name: 'KeyturnError' }),
    )
  })
})
