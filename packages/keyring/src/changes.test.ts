import { describe, expect, it } from 'vitest'
import {
  addNext,
  createRing,
  erasePrivateHalves,
  nextGeneration,
  raiseMaxTtl,
  rememberExposure,
} from './changes.ts'
import { keyAt, MADE_AT, newPair, newRing, policy, turnedRing, withKey } from './ring.fixture.ts'
import { assertFollows, type Exposure, type KeyRing } from './ring.ts'
import { exposureOf, graceOf, leadOf } from './timing.ts'

const { timing } = policy
const T = timing.rotationIntervalMs
const HOUR = 3_600_000
const TURNED_AT = MADE_AT + T
const GRACE = graceOf(timing)
const at = (now: number, wokeAt = MADE_AT) => ({ now, wokeAt, clockTrusted: true })

describe('a new ring (R3, R4, R6, R7)', () => {
  const [first, spare] = [newPair(), newPair()]
  const born = {
    origin: 'first',
    createdAt: MADE_AT,
    publishedAt: MADE_AT,
    signableAt: MADE_AT,
    maxTtlSeconds: 3600,
    revokedAt: null,
    revokedReason: null,
  }

  it('has a key that signs and a spare, both known to whoever ever sees a set', () => {
    expect(createRing('ring', { first, spare }, policy, MADE_AT)).toEqual({
      ringId: 'ring',
      generation: 1,
      publishedVersion: 1,
      writtenAt: MADE_AT,
      keys: [
        { ...first, ...born, activateAt: MADE_AT, signUntil: TURNED_AT, publishUntil: TURNED_AT + GRACE },
        { ...spare, ...born, activateAt: TURNED_AT, signUntil: null, publishUntil: null },
      ],
      tombstones: [],
      exposures: [{ exposureMs: exposureOf(timing), servedFrom: MADE_AT, servedUntil: null }],
      echoes: false,
      held: null,
      audit: null,
    })
  })

  it('is a value that nobody can change', () => {
    const ring = createRing('ring', { first, spare }, policy, MADE_AT)
    expect([ring, ring.keys, ...ring.keys].every(Object.isFrozen)).toBe(true)
  })
})

describe('a next key (R4, R5, R6)', () => {
  it('signs an interval after the active one began, which ends then', () => {
    const ring = newRing()
    const pair = newPair()
    const { keys } = addNext(ring, pair, policy, at(TURNED_AT + 1))
    const activateAt = TURNED_AT + T
    expect(keys).toEqual([
      ring.keys[0],
      { ...ring.keys[1], signUntil: activateAt, publishUntil: activateAt + GRACE },
      expect.objectContaining({
        ...pair,
        origin: 'scheduled',
        createdAt: TURNED_AT + 1,
        publishedAt: TURNED_AT + 1,
        signableAt: TURNED_AT + 1 + leadOf(timing),
        activateAt,
        signUntil: null,
        publishUntil: null,
      }),
    ])
    expect(keys[0]).toBe(ring.keys[0])
  })

  it('is on schedule, unless it is said to come from elsewhere', () => {
    const originOf = (ring: KeyRing) => ring.keys.at(-1)?.origin
    expect(originOf(addNext(newRing(), newPair(), policy, at(TURNED_AT)))).toBe('scheduled')
    expect(originOf(addNext(newRing(), newPair(), policy, at(TURNED_AT), 'imported'))).toBe('imported')
  })

  it('signs an interval after the wake of a process that slept through the activation', () => {
    const wokeAt = TURNED_AT + 5 * T
    const { keys } = addNext(newRing(), newPair(), policy, at(wokeAt + 1, wokeAt))
    expect(keys[2]?.activateAt).toBe(wokeAt + T)
  })

  it('signs as soon as its lead has passed where that is later', () => {
    const now = TURNED_AT + T
    const { keys } = addNext(newRing(), newPair(), policy, at(now))
    expect([keys[2]?.signableAt, keys[2]?.activateAt]).toEqual([now + leadOf(timing), now + leadOf(timing)])
  })

  it('waits for sets that were served with longer headers', () => {
    const ring = rememberExposure(newRing(), { ...timing, jwksMaxAgeMs: HOUR }, MADE_AT)
    const { keys } = addNext(ring, newPair(), policy, at(TURNED_AT))
    const leadMs = leadOf(timing) - timing.jwksMaxAgeMs + HOUR
    expect(keys[2]?.signableAt).toBe(TURNED_AT + leadMs)
  })

  it('is made after the last write, whatever a clock says that is behind', () => {
    const { keys } = addNext({ ...newRing(), writtenAt: TURNED_AT }, newPair(), policy, at(TURNED_AT - 1))
    expect(keys[2]?.createdAt).toBe(TURNED_AT)
  })
})

describe('a private half that nobody needs (R8)', () => {
  it('goes, and its key stays', () => {
    const ring = turnedRing()
    expect(erasePrivateHalves(ring, [keyAt(ring, 0).kid]).keys).toEqual([
      { ...ring.keys[0], privateKey: null },
      ring.keys[1],
      ring.keys[2],
    ])
  })
})

describe('a longer lifetime of tokens (R7)', () => {
  const raised = { ...timing, maxTtlMs: 2 * HOUR }

  it('is promised for the keys that are named, and lets those be published longer whose end is fixed', () => {
    const ring = turnedRing()
    const kids = [keyAt(ring, 1).kid, keyAt(ring, 2).kid]
    expect(raiseMaxTtl(ring, kids, raised).keys).toEqual([
      ring.keys[0],
      { ...ring.keys[1], maxTtlSeconds: 7200, publishUntil: TURNED_AT + T + GRACE + HOUR },
      { ...ring.keys[2], maxTtlSeconds: 7200 },
    ])
  })

  it('never shortens the time for which a key is published', () => {
    const ring = withKey(turnedRing(), 1, { publishUntil: TURNED_AT + 9 * T })
    const { keys } = raiseMaxTtl(ring, [keyAt(ring, 1).kid], raised)
    expect(keys[1]?.publishUntil).toBe(TURNED_AT + 9 * T)
  })
})

describe('what was served (R6)', () => {
  const LATER = MADE_AT + HOUR
  const headersFor = (exposureMs: number) => ({
    ...timing,
    jwksMaxAgeMs: timing.jwksMaxAgeMs + exposureMs - exposureOf(timing),
  })
  const served = (exposureMs: number, servedFrom: number, servedUntil: number | null): Exposure => ({
    exposureMs,
    servedFrom,
    servedUntil,
  })
  const SHORT = exposureOf(timing) - 1000
  const LONG = exposureOf(timing) + 1000
  const endedAt = LATER + 2 * timing.clockSkewMs
  const remembered = (exposures: readonly Exposure[], exposureMs: number, now = LATER) =>
    rememberExposure({ ...newRing(), exposures }, headersFor(exposureMs), now).exposures

  it('is remembered beside shorter headers, until the last clock has come to them', () => {
    expect(remembered([served(LONG, MADE_AT, null)], SHORT)).toEqual([
      served(LONG, MADE_AT, endedAt),
      served(SHORT, LATER, null),
    ])
  })

  it('keeps the end that it had', () => {
    const ended = served(LONG, 0, MADE_AT)
    expect(remembered([ended, served(SHORT + 1, MADE_AT, null)], SHORT)).toEqual([
      ended,
      served(SHORT + 1, MADE_AT, endedAt),
      served(SHORT, LATER, null),
    ])
  })

  it('is forgotten where something as long is served for longer', () => {
    expect(remembered([served(SHORT, MADE_AT, null)], LONG)).toEqual([served(LONG, LATER, null)])
    expect(remembered([served(LONG, MADE_AT, null)], LONG)).toEqual([served(LONG, LATER, null)])
    expect(remembered([served(SHORT + 1, 0, MADE_AT), served(LONG, MADE_AT, null)], SHORT)).toEqual([
      served(LONG, MADE_AT, endedAt),
      served(SHORT, LATER, null),
    ])
  })

  it('counts from the last write, whatever a clock says that is behind', () => {
    expect(remembered([served(LONG, MADE_AT, null)], LONG, MADE_AT - 1)).toEqual([
      served(LONG, MADE_AT, null),
    ])
  })
})

describe('the next generation (R4, R7, R8, R12)', () => {
  const ENDS_AT = TURNED_AT + GRACE
  const erased = () => withKey(turnedRing(), 0, { privateKey: null })

  it('is counted, dated, and a value that nobody can change', () => {
    const before = newRing()
    const after = nextGeneration(
      before,
      { ...before, held: { generation: 7, writtenAt: 7 } },
      at(MADE_AT + 1),
    )
    expect(after).toEqual({
      ...before,
      generation: 2,
      writtenAt: MADE_AT + 1,
      held: { generation: 7, writtenAt: 7 },
    })
    expect([after, after.keys, ...after.keys].every(Object.isFrozen)).toBe(true)
  })

  it('is never dated before the one before it', () => {
    expect(nextGeneration(newRing(), newRing(), at(MADE_AT - 1)).writtenAt).toBe(MADE_AT)
  })

  it('is a new version where it publishes something else, and only there', () => {
    const before = turnedRing()
    const other = addNext(newRing(), newPair(), policy, at(TURNED_AT))
    expect(nextGeneration(before, before, at(TURNED_AT)).publishedVersion).toBe(before.publishedVersion)
    expect(nextGeneration(before, other, at(TURNED_AT)).publishedVersion).toBe(before.generation + 1)
  })

  it('is rid of a key from the instant at which its last token has ended, but remembers its kid', () => {
    const ring = erased()
    expect(nextGeneration(ring, ring, at(ENDS_AT - 1)).keys).toHaveLength(3)
    const after = nextGeneration(ring, ring, at(ENDS_AT))
    expect(after.keys).toEqual(ring.keys.slice(1))
    expect(after.tombstones).toEqual([{ kid: keyAt(ring, 0).kid, fate: 'removed', at: ENDS_AT }])
  })

  it('is rid of no key while the clock is in doubt', () => {
    const ring = erased()
    const after = nextGeneration(ring, ring, { ...at(ENDS_AT), clockTrusted: false })
    expect([after.keys, after.tombstones]).toEqual([ring.keys, []])
  })

  it('remembers of a revoked key that has ended that it was revoked', () => {
    const ring = withKey(erased(), 0, { revokedAt: TURNED_AT })
    expect(nextGeneration(ring, ring, at(ENDS_AT)).tombstones).toMatchObject([{ fate: 'revoked' }])
  })

  it('adds to the kids that are buried', () => {
    const buried = { kid: 'old', fate: 'removed', at: MADE_AT } as const
    const ring: KeyRing = { ...erased(), tombstones: [buried] }
    expect(nextGeneration(ring, ring, at(ENDS_AT)).tombstones).toMatchObject([buried, { fate: 'removed' }])
  })

  it('lets go of the oldest of ten thousand keys that simply ended, so that it can always be written (docs/adr/0030)', () => {
    const tombstones = Array.from(
      { length: 10_000 },
      (_, i) => ({ kid: `k${i}`, fate: 'removed', at: i }) as const,
    )
    const ring: KeyRing = { ...erased(), tombstones }
    const after = nextGeneration(ring, ring, at(ENDS_AT))
    expect(after.tombstones).toHaveLength(10_000)
    expect(after.tombstones.slice(0, -1)).toEqual(tombstones.slice(1))
    expect(() => assertFollows(ring, after)).not.toThrow()
    expect(() => assertFollows(ring, { ...after, tombstones: after.tombstones.slice(2) })).toThrow()
  })

  it('forgets headers once the last set that was served with them has died', () => {
    const ended = { exposureMs: 500, servedFrom: MADE_AT, servedUntil: TURNED_AT }
    const ring: KeyRing = { ...turnedRing(), exposures: [ended, ...turnedRing().exposures] }
    expect(nextGeneration(ring, ring, at(TURNED_AT + 499)).exposures).toEqual(ring.exposures)
    expect(nextGeneration(ring, ring, at(TURNED_AT + 500)).exposures).toEqual(ring.exposures.slice(1))
  })

  it('never forgets what is served today, not even where nobody may keep it', () => {
    const current = { exposureMs: 0, servedFrom: MADE_AT, servedUntil: null }
    const ring: KeyRing = { ...newRing(), exposures: [current] }
    expect(nextGeneration(ring, ring, at(TURNED_AT)).exposures).toEqual([current])
  })

  it('says whether the one before still holds a private half that it does not', () => {
    const ring = turnedRing()
    const gone = erased()
    const echoes = (before: KeyRing, changed: KeyRing, now = TURNED_AT) =>
      nextGeneration(before, changed, at(now)).echoes
    expect(echoes(ring, ring)).toBe(false)
    expect(echoes(ring, erasePrivateHalves(ring, [keyAt(ring, 0).kid]))).toBe(true)
    expect(echoes(ring, ring, ENDS_AT)).toBe(true)
    expect(echoes(gone, gone, ENDS_AT)).toBe(false)
    expect(echoes({ ...gone, echoes: true }, { ...gone, echoes: true })).toBe(false)
  })
})
