import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { openSnapshot, type Snapshot, sealSnapshot } from './snapshot.ts'

const NOW = Date.UTC(2026, 0, 1)
const SEAL = { url: 'https://auth.example/jwks.json', secret: 'a secret of this service, 32 or more' }
const SNAPSHOT: Snapshot = { body: Buffer.from('{"keys":[]}'), etag: '"1"', askedAt: NOW, freshMs: 900_000 }
const refused = expect.objectContaining({ code: 'snapshot_refused' })
const open = (text: string, now = NOW) => openSnapshot(text, SEAL, now)

/** As a release has written it: what one process leaves, a later version of us takes. */
const WRITTEN = sealed(
  `{"url":"${SEAL.url}","etag":"\\"1\\"","askedAt":${NOW},"freshMs":900000,"body":"eyJrZXlzIjpbXX0="}`,
)

/** What only who knows the secret can write, be it a snapshot or not. */
function sealed(content: string): string {
  const mac = createHmac('sha256', SEAL.secret).update(`keyturn snapshot 1\0${content}`).digest('base64url')
  return JSON.stringify({ content, mac })
}

describe('a snapshot of a key set (R38)', () => {
  it('is written as it has been ever since, and read as that', () => {
    expect(sealSnapshot(SNAPSHOT, SEAL)).toBe(WRITTEN)
    expect(open(WRITTEN)).toEqual(SNAPSHOT)
  })

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
    [
      'of another secret',
      { ...SEAL, secret: 'another secret of 32 characters or so' },
      /sealed with this secret$/,
    ],
    [
      'of another key set',
      { ...SEAL, url: 'https://other.example/jwks.json' },
      /a snapshot of this key set$/,
    ],
  ])('is refused when it is %s', (_, seal, expected) => {
    expect(refusal(sealSnapshot(SNAPSHOT, seal))).toMatch(expected)
  })

  it('is refused when it is dated in the future, but for what clocks may differ', () => {
    const dated = (askedAt: number) => sealSnapshot({ ...SNAPSHOT, askedAt }, SEAL)
    expect(open(dated(NOW + 60_000)).askedAt).toBe(NOW + 60_000)
    expect(refusal(dated(NOW + 60_001))).toMatch(/a date in the past$/)
  })

  it.each([
    ['', /a JSON object$/],
    ['{}', /a sealed snapshot$/],
    ['[]', /a JSON object$/],
    ['null', /a JSON object$/],
    ['{"content":1,"mac":"a"}', /a sealed snapshot$/],
    ['{"content":"{}","mac":1}', /a sealed snapshot$/],
    ['{"content":"{}","mac":""}', /sealed with this secret$/],
    [sealed('no JSON'), /a JSON object$/],
    [sealed('{}'), /a snapshot of this key set$/],
  ])('is refused when it is no snapshot: %s', (text, expected) => {
    expect(refusal(text)).toMatch(expected)
  })

  const CONTENT = { url: SEAL.url, askedAt: NOW, freshMs: 0, body: '' }
  it.each([
    { askedAt: null },
    { askedAt: -1 },
    { askedAt: `${NOW}` },
    { askedAt: undefined },
    { freshMs: null },
    { freshMs: -1 },
    { freshMs: '1' },
    { body: null },
    { body: ['eyJrZXlzIjpbXX0='] },
  ])('is refused when it is not whole, though it was sealed: %o', (change) => {
    expect(refusal(sealed(JSON.stringify({ ...CONTENT, ...change })))).toMatch(/a whole snapshot$/)
  })

  it.each([
    [{}, undefined],
    [{ askedAt: 0 }, undefined],
    [{ etag: '"1"' }, '"1"'],
    [{ etag: 1 }, undefined],
  ])('needs no ETag, no freshness and no bytes: %o', (change, etag) => {
    const expected = { askedAt: NOW, freshMs: 0, body: Buffer.alloc(0), ...change, etag }
    expect(open(sealed(JSON.stringify({ ...CONTENT, ...change })))).toEqual(expected)
  })
})

/** What was expected where something else was found, which is not repeated. */
function refusal(text: string): string {
  try {
    open(text)
  } catch (error) {
    expect(error).toMatchObject({
      code: 'snapshot_refused',
      message: expect.stringMatching(/^snapshot refused: expected /),
    })
    return (error as Error).message
  }
  return 'accepted'
}

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
