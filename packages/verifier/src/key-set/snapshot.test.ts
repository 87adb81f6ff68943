import { describe, expect, it } from 'vitest'
import { openSnapshot, type Snapshot, sealSnapshot } from './snapshot.ts'

const NOW = Date.UTC(2026, 0, 1)
const SEAL = { url: 'https://auth.example/jwks.json', secret: 'a secret of this service, 32 or more' }
const SNAPSHOT: Snapshot = { body: Buffer.from('{"keys":[]}'), etag: '"1"', askedAt: NOW, freshMs: 900_000 }
const refused = expect.objectContaining({ code: 'snapshot_refused' })
const open = (text: string, now = NOW) => openSnapshot(text, SEAL, now)

describe('a snapshot of a key set (R38)', () => {
  it('comes back as it was', () => {
    expect(open(sealSnapshot(SNAPSHOT, SEAL))).toEqual(SNAPSHOT)
    const without = { ...SNAPSHOT, etag: undefined }
    expect(open(sealSnapshot(without, SEAL))).toEqual(without)
  })

  it('is refused with any character changed, left out or put in', () => {
    const text = sealSnapshot(SNAPSHOT, SEAL)
    for (let at = 0; at < text.length; at++) {
      const other = text[at] === 'A' ? 'B' : 'A'
      const [before, after] = [text.slice(0, at), text.slice(at + 1)]
      for (const changed of [before + other + after, before + after, `${before}A${text[at]}${after}`]) {
        // base64url has spare bits at its end, which say nothing
        if (isSame(changed)) continue
        expect(() => open(changed)).toThrow(refused)
      }
    }
  })

  it.each([
    ['of another secret', { ...SEAL, secret: 'another secret of 32 characters or so' }],
    ['of another key set', { ...SEAL, url: 'https://other.example/jwks.json' }],
  ])('is refused when it is %s', (_, seal) => {
    expect(() => open(sealSnapshot(SNAPSHOT, seal))).toThrow(refused)
  })

  it('is refused when it is dated in the future, but for what clocks may differ', () => {
    const dated = (askedAt: number) => sealSnapshot({ ...SNAPSHOT, askedAt }, SEAL)
    expect(open(dated(NOW + 60_000)).askedAt).toBe(NOW + 60_000)
    expect(() => open(dated(NOW + 60_001))).toThrow(refused)
  })

  it.each([
    '',
    '{}',
    '[]',
    'null',
    '{"content":1,"mac":"a"}',
    '{"content":"{}","mac":1}',
    '{"content":"{}","mac":""}',
  ])('is refused when it is no snapshot: %s', (text) => {
    expect(() => open(text)).toThrow(refused)
  })

  it.each([{ askedAt: Number.NaN }, { askedAt: -1 }, { freshMs: Number.POSITIVE_INFINITY }])(
    'is refused with a time that is none: %o',
    (change) => {
      expect(() => open(sealSnapshot({ ...SNAPSHOT, ...change }, SEAL))).toThrow(refused)
    },
  )
})

function isSame(changed: string): boolean {
  try {
    const { content, mac } = JSON.parse(changed)
    const sealed = JSON.parse(sealSnapshot(SNAPSHOT, SEAL))
    return (
      content === sealed.content && Buffer.from(mac, 'base64url').equals(Buffer.from(sealed.mac, 'base64url'))
    )
  } catch {
    return false
  }
}
