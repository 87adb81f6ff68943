import { type JwkSetDocument, parseJwkSet, SignedJwkSetReader, type SigningKey } from '@keyturn/core'
import { fakeClock } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import { generateSigningPair, localSigningKey, publishedJwk } from './key-pair.ts'
import { SignedKeySet } from './signed-key-set.ts'

const issuer = 'https://auth.example'
const TTL_SECONDS = 3600
const [root, active] = await Promise.all(
  [1, 2].map(() => generateSigningPair({ algorithm: 'EdDSA', rsaBits: 2048 })),
)
if (root === undefined || active === undefined) throw new Error('expected two keys')
const documentOf = (version: number): JwkSetDocument => ({
  keys: [publishedJwk(active)],
  keyturn: { ring: 'ring-1', version },
})

/** A signed set at the beginning of a period, and how often it was signed. */
function open(sign?: SigningKey['sign']) {
  const clock = fakeClock()
  const local = localSigningKey(root as never)
  let signatures = 0
  const counted: SigningKey = {
    ...local,
    sign: (bytes) => {
      signatures += 1
      return (sign ?? local.sign)(bytes)
    },
  }
  const set = new SignedKeySet({ root: counted, issuer, ttlSeconds: TTL_SECONDS, clock })
  return { clock, set, signatures: () => signatures }
}
const read = (text: string, nowMs: number) =>
  new SignedJwkSetReader({
    issuer,
    roots: parseJwkSet(Buffer.from(JSON.stringify({ keys: [publishedJwk(root)] }))).keys,
  }).read(Buffer.from(text), nowMs)

describe('a key set under a root key (R30)', () => {
  it('is what a verifier with that root takes, of the issuer and the edition', async () => {
    const { clock, set } = open()
    const signed = read(await set.of(documentOf(7)), clock.now())
    expect([...signed.keys.keys()]).toEqual([active.kid])
    expect(signed).toMatchObject({ edition: { version: 7 }, signature: { rootKid: set.rootKid } })
  })

  it('is signed once for a period and a document, however many ask', async () => {
    const { clock, set, signatures } = open()
    const document = documentOf(1)
    const texts = await Promise.all(Array.from({ length: 100 }, () => set.of(document)))
    await clock.advance(1000)
    texts.push(await set.of(document))
    expect([new Set(texts).size, signatures()]).toEqual([1, 1])
    await set.of(documentOf(2))
    expect(signatures()).toBe(2)
  })

  it('is the same text at every replica', async () => {
    const [one, other] = [open(), open()]
    await other.clock.advance(600_000)
    expect(await one.set.of(documentOf(1))).toBe(await other.set.of(documentOf(1)))
  })

  it('is good for half of its lifetime at least, whenever it is asked for', async () => {
    const { clock, set } = open()
    const document = documentOf(1)
    const left = new Set<boolean>()
    for (let minute = 0; minute < 240; minute++) {
      const { signature } = read(await set.of(document), clock.now())
      const goodForMs = (signature?.expiresAt ?? 0) - clock.now()
      left.add(goodForMs >= (TTL_SECONDS / 2) * 1000 && goodForMs <= (TTL_SECONDS + 5) * 1000)
      await clock.advance(60_000)
    }
    expect([...left]).toEqual([true])
  })

  it('is signed by who asks next where a signature failed', async () => {
    let isBroken = true
    const { set, signatures } = open(async (bytes) => {
      if (isBroken) throw new Error('no signature')
      return await localSigningKey(root).sign(bytes)
    })
    const document = documentOf(1)
    await expect(set.of(document)).rejects.toThrow('no signature')
    isBroken = false
    expect(await set.of(document)).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
    expect(signatures()).toBe(2)
  })
})
